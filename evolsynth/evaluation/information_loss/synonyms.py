"""Words of requests that stand for one another, where word vectors do not tell so.

Vectors of rare words are poor ("succinct" and "concise" look like strangers). These are the words
in which requests are usually rewritten.
"""

from __future__ import annotations

from collections import defaultdict

from evolsynth.evaluation.text.words import stem

__all__ = ["same_meaning"]

_GROUPS = """
succinct concise brief short terse compact succinctly concisely briefly
explain elucidate clarify describe illuminate outline depict portray discuss
give provide furnish supply offer present suggest recommend propose share
write compose craft draft create produce generate construct formulate devise pen prepare
employ use utilise utilize apply adopt
show display demonstrate illustrate exhibit
list enumerate itemise itemize
begin start commence open
end finish conclude close terminate
change alter modify adjust
buy purchase acquire procure get obtain
owe pay
help assist aid support guide guidance
enough sufficient adequate
kind type sort variety category
level tier layer
main primary chief principal key central core
step stage phase
idea concept notion thought
part portion section segment component piece
way method manner approach technique procedure strategy
result outcome consequence effect impact repercussion implication
advantage pro benefit upside strength merit
disadvantage con drawback downside weakness
positive beneficial favourable favorable
negative detrimental harmful adverse
important significant crucial vital essential key
necessary required needed essential
difficult hard challenging tough demanding
easy simple straightforward plain
big large huge sizeable
small little tiny minor
fast quick rapid speedy
child kid youngster
pupil student learner
teacher instructor
man gentleman
wife spouse husband partner
doctor physician
lawyer attorney
car automobile vehicle
house home residence dwelling
flat apartment
shop store
couch sofa
holiday vacation
film movie
job occupation profession work
money cash funds
cost price expense
income revenue earnings
sum total amount
entire whole complete full
each every
half fifty
twice double doubled twofold
triple thrice threefold
yearly annual annually
daily everyday
weekly
monthly
begin initial first
last final
error mistake fault
problem issue difficulty
answer reply response respond
question query
text passage paragraph excerpt
book volume novel
story tale narrative
trip journey voyage
walk stroll hike
road street
garden yard
rubbish waste trash garbage
sick ill unwell
glad happy pleased content
sad unhappy sorrowful
angry furious mad
afraid scared frightened
intimidate scare overwhelm
novel new unknown unfamiliar
distinct separate different individual
clear evident obvious plain
detailed thorough comprehensive meticulous
general broad overarching overall
common frequent prevalent widespread usual
maximum limit
verify check confirm ensure
pick choose select
gather collect assemble amass accumulate
divide split share
discover find locate detect
determine establish identify calculate compute work
remain left leftover rest
tall height high
long length
wide width
deep depth
old age aged
heavy weight weigh
receive get obtain
sell vend
eat consume devour
drink consume
sleep rest
see view watch observe
talk speak chat converse
say tell state mention
ask enquire inquire request
live reside dwell
repair fix mend
throw toss
arrange organise organize structure order
evaluate assess analyse analyze examine appraise judge
compare contrast
summarise summarize summary recap condense
translate render
rewrite rephrase paraphrase reword redraft
shorten abridge condense cut
expand elaborate extend
include incorporate contain feature
exclude omit
warm friendly cordial
cat feline
dog canine
limit confine restrict constrain cap
finally lastly conclude
example instance case illustration sample
mon monday
tue tues tuesday
wed wednesday
thu thur thurs thursday
fri friday
sat saturday
sun sunday
jan january
feb february
mar march
apr april
jun june
jul july
aug august
sep sept september
oct october
nov november
dec december
doctor dr phd doctorate
professor prof
mister mr
street st
""".strip().splitlines()

_OF: dict[str, set[int]] = defaultdict(set)
for _number, _group in enumerate(_GROUPS):
    for _word in _group.split():
        _OF[stem(_word)].add(_number)


def same_meaning(one: str, other: str) -> bool:
    """Whether two stems stand in one group."""
    return bool(_OF.get(one, set()) & _OF.get(other, set())) if one in _OF else False
