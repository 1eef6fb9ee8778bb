"""Good rows that are about a text: tasks of many kinds, each with its input and a right answer.

Beside each other for the checks to be held against: none may refuse one of them.
"""

from __future__ import annotations

from typing import NamedTuple

from evolsynth.rows import Row

__all__ = ["ABOUT_DATA", "ABOUT_TEXTS", "CLOCK", "UNSEEN", "About", "row_of"]


class About(NamedTuple):
    """A task, the text that it is about, and an answer that a careful reader keeps."""

    instruction: str
    input: str
    response: str


def row_of(one: About, *, method: str = "grounded") -> Row:
    """Its row, as a method writes it."""
    return Row.make(
        one.instruction,
        response=one.response,
        method=method,
        extra={"input": one.input},
        provenance={"instruction": {"kind": "written"}, "response": {"kind": "written"}},
    )


CLOCK = (
    "The clock of Harlow Green was built by the smith Edward Pell in 1764. At first it hung in "
    "the chapel, where damp air stopped it each winter. In 1881 the council moved it to the new "
    "tower, because the chapel roof had begun to leak. Its two hands are made of copper and weigh "
    "nine kilograms together. A keeper winds it every Monday and every Thursday."
)
TEA = (
    "Green tea and black tea come from the same plant. For black tea the leaves are rolled and "
    "left in moist air for some hours, until they turn brown. For green tea they are heated soon "
    "after the harvest, so that they stay green. Black tea is brewed with boiling water; for green "
    "tea water of about 75 degrees is enough."
)
LETTER = (
    "Dear Mrs Okafor,\n\nI'm sorry, but we cannot deliver your bookshelf on Friday. The lorry has "
    "broken down. Please let us know whether Tuesday morning would suit you. I am happy to help if "
    "anything else is missing.\n\nYours sincerely,\nTom Reed, Oakline Furniture"
)
BEES = (
    "A bumblebee queen wakes in early spring. She looks for an old mouse nest or a hole under "
    "grass, gathers pollen and lays her first eggs. The first workers hatch about four weeks later "
    "and take over the search for food. In late summer the colony raises males and new queens. "
    "Only the young queens live through the winter."
)
MANUAL = (
    "Before first use, rinse the kettle twice. Fill it with at least half a litre of water and "
    "never above the mark MAX. Press the lid down until it clicks. If the lamp blinks red, the "
    "kettle is too hot: wait ten minutes. Descale it once a month with [vinegar or citric acid]."
)
FRENCH = (
    "Le marché de Noël ouvre ses portes le premier décembre sur la place de la cathédrale. On y "
    "trouve des bougies, du pain d'épices et des jouets en bois, et chaque soir une fanfare joue "
    "devant la fontaine pour les enfants de la ville."
)
BOT = (
    "Kiri is a chat bot of the city library. It greets visitors with the words: I am a helpful "
    "assistant, how can I help you today? It was trained by the librarians and answers in three "
    "languages."
)
ROLES = "The system knows three roles. A user may read, an editor may write, and an admin may both."

#: About running texts.
ABOUT_TEXTS: tuple[About, ...] = (
    # one word, one year, one number
    About("In what year was the clock moved to the new tower?", CLOCK, "1881."),
    About("Who built the clock?", CLOCK, "Edward Pell."),
    About("What are the hands of the clock made of?", CLOCK, "Copper"),
    About("How much do the two hands weigh together?", CLOCK, "Nine kilograms."),
    About("How long after the first eggs do the workers hatch?", BEES, "About four weeks."),
    About("Tell me in what year the clock was built.", CLOCK, "1764"),
    About("Tell me who winds the clock.", CLOCK, "A keeper."),
    About("Name the maker of the clock.", CLOCK, "Edward Pell"),
    # why and how, answered by a clause
    About(
        "Why did the council move the clock?", CLOCK, "Because the chapel roof had begun to leak."
    ),
    About("Why are the leaves of green tea heated soon?", TEA, "So that they stay green."),
    About("How does the keeper of the clock keep it going?", CLOCK, "By winding it twice a week."),
    About("How do the leaves turn brown?", TEA, "They are left in moist air for some hours."),
    # with the sentence that says so
    About(
        "When was the clock built? Quote the sentence that says so.",
        CLOCK,
        '1764. "The clock of Harlow Green was built by the smith Edward Pell in 1764."',
    ),
    # yes and no, true and false
    About("Did the clock hang in the chapel at first?", CLOCK, "Yes."),
    About("Is the clock wound every day?", CLOCK, "No, every Monday and every Thursday."),
    About("Was the clock built by Edward Pell?", CLOCK, "Yes, the clock was built by Edward Pell."),
    About(
        "Do young queens live through the winter?",
        BEES,
        "Yes, young queens live through the winter.",
    ),
    About("True or false: the hands of the clock are made of copper.", CLOCK, "True."),
    About("Black tea is brewed with water of 75 degrees. True or false?", TEA, "False"),
    About("Is this statement right? The first workers hatch after two weeks.", BEES, "No."),
    # correcting a statement
    About(
        "Correct this statement by the text: The clock was moved to the new tower in 1818.",
        CLOCK,
        "The clock was moved to the new tower in 1881.",
    ),
    About(
        "The clock of Harlow Green was built by the smith Edward Hill. What is wrong here?",
        CLOCK,
        "The clock of Harlow Green was built by the smith Edward Pell, not Edward Hill.",
    ),
    # the text does not say
    About("How high is the new tower?", CLOCK, "The text does not say."),
    About("What did the bookshelf cost?", LETTER, "The letter does not say what it cost."),
    About("Who wrote the music for the band?", FRENCH, "The text does not say."),
    # choice
    About("Is the water for green tea hotter or cooler than for black tea?", TEA, "Cooler."),
    About(
        "Which tea is heated soon after the harvest, green tea or black tea?",
        TEA,
        "Green tea is heated soon after the harvest.",
    ),
    About("Was the clock moved before or after the roof leaked?", CLOCK, "After."),
    About("Which day is right: (a) Sunday, (b) Monday, (c) Friday?", CLOCK, "(b)"),
    # filling in
    About(
        "Fill in the gap with a word from the text: The clock was moved ___ the new tower.",
        CLOCK,
        "to",
    ),
    About("Its two hands are made of ____ and weigh nine kilograms together.", CLOCK, "copper"),
    About(
        "Complete the sentence with the right number: A queen's workers hatch after __ weeks.",
        BEES,
        "four",
    ),
    # classification
    About(
        "Sort the text into one of these: manual, letter, advertisement, news.", MANUAL, "Manual"
    ),
    About("Label the tone of the letter as friendly, angry or sad.", LETTER, "friendly"),
    About("Positive or negative?", "The soup was cold and the waiter rude.", "Negative"),
    # ordering and lists
    About(
        "Put these in the order in which they happen: new queens, first eggs, workers.",
        BEES,
        "1. first eggs\n2. workers\n3. new queens",
    ),
    About("List the days on which the clock is wound, one a line.", CLOCK, "Monday\nThursday"),
    About("List the roles that the text names, one in each line.", ROLES, "user\neditor\nadmin"),
    About("Which years does the text name?", CLOCK, "1764, 1881"),
    About("Extract the name of the company.", LETTER, "Oakline Furniture"),
    # titles and headings
    About("Give the passage a title.", BEES, "A Year of the Bumblebee"),
    About("Write a heading for the text.", TEA, "Green and Black Tea"),
    About("Create a keyword for the passage.", MANUAL, "kettle"),
    About("Title:", CLOCK, "The Clock of Harlow Green"),
    About(
        "Summarize:",
        BEES,
        "A bumblebee colony lives for one summer, and only young queens survive.",
    ),
    About(
        "Summarize this.", CLOCK, "The old clock of Harlow Green was moved from chapel to tower."
    ),
    About("Sum up the following text in one sentence:", TEA, "Two teas come from one plant."),
    # what the text itself says must not be held against the answer
    About("What reason does the sender give?", LETTER, "The lorry has broken down."),
    About(
        "Which sentence says that the delivery will be late?",
        LETTER,
        "I'm sorry, but we cannot deliver your bookshelf on Friday.",
    ),
    About(
        "What does the sender ask of Mrs Okafor?",
        LETTER,
        "Please let us know whether Tuesday morning would suit you.",
    ),
    About("Quote the sender's offer.", LETTER, "I am happy to help if anything else is missing."),
    About("With what should the kettle be descaled?", MANUAL, "[vinegar or citric acid]"),
    About(
        "With which words does Kiri greet visitors?",
        BOT,
        "I am a helpful assistant, how can I help you today?",
    ),
    About(
        "What is promised for tomorrow?",
        "Tomorrow the pool opens at nine. Entry is free.",
        "The pool opens at nine.",
    ),
    About(
        "What is the latest date in the text?", "It rained on 3 May, 9 May and 12 May.", "12 May"
    ),
    # another language
    About(
        'Quote the last part of the text, from "chaque soir" on.',
        FRENCH,
        "chaque soir une fanfare joue devant la fontaine pour les enfants de la ville.",
    ),
    About("What is sold at the market?", FRENCH, "Candles, gingerbread and wooden toys."),
    # longer answers
    About(
        "Describe how black tea is made.",
        TEA,
        "The leaves are rolled and then left in moist air for some hours until they turn brown.",
    ),
    About(
        "Rewrite the first sentence so that it begins with the year.",
        CLOCK,
        "In 1764 the smith Edward Pell built the clock of Harlow Green.",
    ),
)

GLASS = (
    "Glass is made of sand, soda and lime. The mixture is melted at about 1,500 degrees. Soda "
    "lowers the melting point, and lime makes the glass hard. In 1959 a British firm began to pour "
    "glass onto molten tin, which gives flat panes without polishing. Most windows are made in "
    "this way today."
)
TALK = (
    "Q: Where do you keep your bees, Ms Lund?\nA: On the roof of my office. There is more in bloom "
    "in the city than people think.\nQ: Do they sting your colleagues?\nA: Once, in six years."
)
#: Written after the rules were made, to try them.
UNSEEN = (
    About(
        "Which title is best: A History of Windows, How Glass Is Made, The Price of Tin?",
        GLASS,
        "How Glass Is Made",
    ),
    About("Choose the heading that fits.\n(1) Flat panes\n(2) Cooking with tin", GLASS, "1"),
    About("According to the passage, what does soda do?", GLASS, "It lowers the melting point."),
    About("What makes the glass hard?", GLASS, "Lime does."),
    About("From what year on was glass poured onto tin?", GLASS, "From 1959 on."),
    About("Is it true that glass contains sand?", GLASS, "Yes, it is."),
    About("Does lime lower the melting point?", GLASS, "No. Soda does."),
    About("Who founded the British firm?", GLASS, "This cannot be told from the text."),
    About("Who runs the British firm?", GLASS, "Not stated."),
    About(
        "One word here contradicts the text. Give the right one. Soda raises the melting point.",
        GLASS,
        "lowers",
    ),
    About("Turn the ingredients into a bulleted list.", GLASS, "- sand\n- soda\n- lime"),
    About(
        "Answer the questions. 1. What lowers the melting point? 2. What gives flat panes?",
        GLASS,
        "1. Soda\n2. Molten tin",
    ),
    About(
        "Mark each as true or false. 1. Lime makes glass hard. 2. Sand is melted at 500 degrees.",
        GLASS,
        "1. true\n2. false",
    ),
    About(
        "Write a question whose answer is 1959.",
        GLASS,
        "When did a British firm begin to pour glass onto molten tin?",
    ),
    About(
        "Explain in one sentence why soda is added.",
        GLASS,
        "Soda is added because it lowers the melting point.",
    ),
    About(
        "Which is longer ago, 1959 or 1881? Use the text only.",
        GLASS,
        "1881 is longer ago than 1959.",
    ),
    About("tl;dr", GLASS, "Glass comes from sand, soda and lime, and panes are poured onto tin."),
    About("Keywords?", GLASS, "glass, sand, soda, lime, tin"),
    About("Return only the numbers.", GLASS, "1,500; 1959"),
    About("How often were colleagues stung?", TALK, "Once."),
    About("What is asked second?", TALK, "Do they sting your colleagues?"),
    About("Repeat the last sentence of the text.", TALK, "Once, in six years."),
    About("Is the writer of the letter a friend or a firm?", LETTER, "A firm."),
    About("Translate the greeting into German.", LETTER, "Liebe Frau Okafor,"),
    About("What should I do if the lamp blinks red?", MANUAL, "Wait ten minutes."),
)

TABLE = "| city | rain in mm |\n| --- | --- |\n| Arno | 31 |\n| Belt | 42 |\n| Cass | 17 |"

#: About data, and problems that can be computed.
ABOUT_DATA: tuple[About, ...] = (
    About("Which city had most rain?", TABLE, "Belt"),
    About("How much rain fell in Belt, in millimetres?", TABLE, "42"),
    About("How much rain fell in all three cities together?", TABLE, "90"),
    About("Add up the rain of Arno and Cass.", TABLE, "31 + 17 = 48"),
    About("What is the sum?", "17 + 25", "42"),
    About("Solve for x.", "3x + 4 = 19", "x = 5"),
    About("Which sign belongs between the two numbers: <, > or =?", "3/4 _ 2/3", ">"),
    About("Sort the numbers from the smallest to the largest.", "9, 4, 7, 4", "4, 4, 7, 9"),
    About("Sort the words by the alphabet.", "pear, apple, apple, fig", "apple, apple, fig, pear"),
    About("Reverse the word.", "lantern", "nretnal"),
    About("How many times does the letter b occur?", "b a b b a b", "4"),
    About("Write the row again without the zeros.", "1 0 1 0 1 0 1 1 1 1 1", "1 1 1 1 1 1 1 1"),
    About("What comes next in the series?", "2, 4, 8, 16", "32"),
    About("Convert the length to centimetres.", "1.2 m", "120 cm"),
    About("On which weekday does the date fall?", "2024-02-29", "Thursday"),
    About("Is the number even or odd?", "7731", "Odd"),
    About("Is the statement always true?", "If no cat is a dog, then no dog is a cat.", "Yes"),
    About("Who tells the truth?", "Ann says that Ben lies. Ben says that both lie.", "Ann"),
    About(
        "Restore the capital letters.",
        "the tay flows through perth.",
        "The Tay flows through Perth.",
    ),
    About("Correct the spelling.", "The wether was fien.", "The weather was fine."),
    About(
        "Return the row of Arno as JSON with the keys city and rain.",
        TABLE,
        '{"city": "Arno", "rain": 31}',
    ),
    About("What does the program print?", "for i in range(3):\n    print(i)", "0\n1\n2"),
    About("Which element comes up most often?", "x y x z x", "x"),
    About("Decode the message; each letter was moved on by one.", "IFMMP", "HELLO"),
    About(
        "Give the coordinates of the treasure.", "Start at (0, 0). Go 2 east and 3 north.", "(2, 3)"
    ),
    About("Evaluate.", "not (True and False)", "True"),
    About("Calculate.", "12 * 12", "144"),
    About("What is the next state?", "on off on off on", "off"),
    About("Close all brackets.", "([{", "}])"),
    About("Write the next row of the pattern.", "*\n**", "***"),
    About("Rotate the list to the right by one.", "[1, 2, 3]", "[3, 1, 2]"),
    About("Repeat it twice.", "tick tock", "tick tock tick tock"),
    About("Output the result as a binary number.", "1100 and 1010", "1000"),
    About("Write the number in Roman numerals.", "31", "XXXI"),
    About("How old is Mia?", "Mia is twice as old as Leo. Leo is 6.", "Mia is 12 years old."),
)
