"""``python -m evals hostile``: nothing is destroyed, nothing hangs, nothing is silent.

Trials are drawn by seed: a command (or a Python script) with its files (our own rows in ``files``,
those of other tools in ``forms``), places, outputs and options, some of them as bad as people and
machines can make them. Each runs in a process of its
own, in a folder of its own, with limits of memory and time; `server` says how that is quick.
``--replay NAME`` makes one trial again and shows all of it.

What is wrong, whatever was drawn (`oracle`):

1.  ``Traceback``, ``Exception ignored``, ``Fatal Python error`` or a look-alike in what was said;
    death by a signal that nobody sent; an exit status that is not documented.
2.  More processor time than the work's due and 20 s, or as much time with nothing done.
3.  A file that was there before and is not an output of the trial is another one after it: other
    bytes, another kind, another owner's bits, a link in place of a file, or gone.
4.  An exit status that is not 0 without a sentence; a control character in what people read.
5.  With exit status 0: a row of the input that is good and stands in none of the outputs (each
    good row has a word that no other has), where the outputs together must hold all of them; a
    sum in the summary that does not add up, or is not that of the rows given.
6.  An output that our own reader cannot read, or that strict JSON does not allow; one that was
    there, and is neither as it was nor whole.
7.  A file in the working folder, or in ``TMPDIR``, that is no output and that nobody was told of;
    a process, a thread or a task that goes on.
8.  A *tame* trial, in which nothing was drawn that may be refused, and which is refused: without
    it, a command that refuses everything would pass.

A trial knows what it gave (`trial.Trial`), and nothing of how the command works.
"""
