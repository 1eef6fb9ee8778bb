"""Words by which a request's verb and its object are found: see `verbs`."""

from __future__ import annotations

from evolsynth.evaluation.text.words import vocabulary

__all__ = [
    "BOUNDARIES",
    "DETERMINERS",
    "LEADING",
    "NOT_OBJECTS",
    "OPENERS",
    "PARTICLES",
    "PREPOSITIONS",
    "QUESTIONS",
    "SCENES",
    "SPELLINGS",
    "VERBS",
]

#: Verbs that requests begin with, in their base form.
VERBS = vocabulary(
    """accept act adapt add address adjust administer advise aim align allocate alphabetize alter
    analyze animate annotate announce answer apologize apply appraise approximate argue arrange
    articulate ask assemble assess assign assist assume attach attempt audit avoid bake balance
    begin blend book boost brainstorm break brew build buy calculate cap capitalize caption
    capture categorize celebrate change characterize chart check choose circle cite clarify
    classify clean close code collect color combine come comment compare compile complete
    compose compress compute conclude condense conduct configure confine confirm connect
    consider construct contrast contribute convert convince cook coordinate copy correct count
    craft create criticize critique cut debate debug decide decipher declare decode decorate
    decrease deduce defend define deliver demonstrate denote depict derive describe design
    detect determine develop devise diagnose differentiate discover discuss display dissect
    distinguish distribute divide document double download draft draw edit elaborate eliminate
    email emphasize employ encode encourage end ensure enter enumerate estimate evaluate examine
    exchange execute expand explain explore express extend extract fabricate fact-check factor
    figure fill filter finalize find finish fix fold follow forecast foresee form format
    formulate furnish generate get give go grade graph group guess guide handle harmonize help
    hide highlight hypothesize identify illustrate imagine implement imply improve include
    increase indicate infer inform insert inspect install instruct integrate interpret introduce
    invent investigate invite isolate join judge justify keep label lead learn leave lengthen
    let limit link list locate look lower maintain make manipulate map mark match maximize
    measure mend mention merge minimize mix model modify move multiply name narrate negotiate
    normalize note notice number observe offer omit open optimize order organize outline output
    outsource paint pair paraphrase parse pass perform persuade phrase pick pinpoint place plan
    play plot point portray post practice predict prepare present pretend print prioritize probe
    process produce program promote pronounce proofread propose prove provide publish punctuate
    put quantify quote raise rank rate react read realize rearrange reassure recall recite
    recommend reconcile reconstruct record recount rectify recycle redesign redraft reduce
    refactor refer refine reflect reformat reformulate refute relate release remember remind
    remove rename rent reorder reorganize repair repeat rephrase replace reply report represent
    request research resolve respond restate restrict restructure retell retrieve return reveal
    reverse review revise reword rewrite rhyme role-play roleplay round run save say scale scan
    schedule score search see segment select send separate set share shorten show simplify
    simulate sing sketch solve sort speak specify spell split spot standardize start state stop
    structure study style submit substitute subtract suggest summarize supply support swap
    switch synthesize tabulate tag take talk teach tell test think time title touch trace track
    train transcribe transform translate transpose try turn type uncover underline understand
    unscramble update upload use utilize validate verify view visit visualize walk watch weigh
    word work write"""
)
#: British spellings; each -ise that ends a verb of `VERBS` in -ize is found without.
SPELLINGS = {
    "analyse": "analyze",
    "colour": "color",
    "practise": "practice",
    "programme": "program",
}
#: May stand before the verb.
LEADING = vocabulary(
    """please kindly now then next first second third finally lastly also and so just ok okay hi
    hello hey well alright again instead simply"""
)
#: A sentence that begins so sets a scene; what is asked comes behind it.
SCENES = vocabulary("assume imagine pretend suppose")
#: A sentence that begins so may have its verb after a comma.
OPENERS = vocabulary(
    """according after as assuming at based because before by considering during following for from
    given having if imagine in like on once regarding since suppose there though to under using
    when whenever where while with within without you"""
)
QUESTIONS = vocabulary(
    """what what's whats which who who's whose whom when where where's why how how's is are am was
    were do does did can could should would will shall may might must has have had isn't aren't
    don't doesn't didn't can't couldn't won't wouldn't shouldn't"""
)
DETERMINERS = vocabulary(
    """a an the this that these those my your his her its our their each every any some all both
    no another other such one's"""
)
PREPOSITIONS = vocabulary(
    """about above across after against along among around as at before behind below beneath beside
    besides between beyond by concerning despite down during except for from in inside into like
    near of off on onto out over past per regarding since than through throughout till to toward
    towards under underneath until up upon using versus via vs with within without"""
)
#: Words that end the object's noun phrase, beside prepositions and punctuation.
BOUNDARIES = PREPOSITIONS | vocabulary(
    """and or but nor so then that which who whom whose where when while because if whether how why
    what i you he she we they it is are was were be been has have had do does did can could should
    would will must may might not please also only both either using"""
)
PARTICLES = vocabulary("up down out off over away back together along on in with")
#: Words that can end a noun phrase and are no noun.
NOT_OBJECTS = vocabulary(
    """above again aloud below briefly carefully clearly correctly different each else exactly
    everything false few following here itself least less many me more most much myself none nothing
    once one ones other others properly quickly same several some something step them themselves
    there these this those three true twice two us well yes yourself"""
)
