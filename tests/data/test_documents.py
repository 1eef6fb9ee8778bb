"""Files as texts: what of a page, a PDF or a Word document is its text, and what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from made_documents import BOLD, Put, docx_of, lines_of, pdf_of

from evolsynth.data.documents import document as documents
from evolsynth.data.documents.document import Document, kind_of_bytes, made_of, read_document
from evolsynth.errors import InputError, SetupError


def read(data: bytes | str, kind: str) -> Document:
    return made_of(data.encode() if isinstance(data, str) else data, kind, f"a.{kind}")


def wrong(data: bytes | str, kind: str) -> str:
    with pytest.raises(InputError) as caught:
        read(data, kind)
    said = str(caught.value)
    assert said.startswith(f"a.{kind}: ")
    assert "\n" not in said
    assert said.endswith(".")
    return said


# --- plain text and Markdown ---


def test_a_plain_text_is_what_it_is() -> None:
    found = read("\ufeffBees *dance*.\r\nThey do.\r".encode(), "txt")
    assert found == Document("Bees *dance*.\nThey do.\n", marks=False)


def test_what_stands_in_front_of_markdown_is_about_it() -> None:
    text = '---\ntags: [a]\ntitle: "Bees at home"\n---\n# Bees\n'
    found = read(text, "md")
    assert found.title == "Bees at home"
    assert found.text == text  # so that places are those of the file
    assert found.text[found.start :] == "# Bees\n"
    assert read("---\n\nA rule above. And\n---\nbelow.", "md").title == ""


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "the file is empty"),
        (b" \n\t", "the file is empty"),
        (b"\xef\xbb\xbf", "there is no text in it"),
        ("Gr\xfc\xdfe".encode("latin-1"), "not UTF-8 text. Save the file as UTF-8"),
        ("Bees".encode("utf-16"), "not UTF-8 text"),
        (b"\x7fELF\x02\x01\x00\x00 text", "bytes that no text has"),
        (b"\x89PNG\r\n\x1a\n\xff", "not UTF-8 text"),
    ],
)
def test_what_is_no_text_is_told(data: bytes, what: str) -> None:
    assert what in wrong(data, "txt")
    assert what in wrong(data, "md")


# --- HTML ---

PAGE = """<!doctype html><html lang="en"><head><title>Care – Acme</title>
<style>p {color: red}</style></head><body>
<a class="skip-link" href="#main">Skip to content</a>
<nav><ul><li><a href="/">Home</a></li></ul></nav>
<header><a href="/">Acme</a> since 1990</header>
<div class="breadcrumb"><a href="/">Home</a> &gt; Care</div>
<div><h1>Care of kettles</h1><p>Wipe it <b>daily</b> with a <a href="x">soft
cloth</a>, 5 &lt; 6 &amp; 7.</p><img src="a.png" alt="a picture">
<h2>Descaling<a class="headerlink" href="#d">¶</a></h2><ol><li>Fill it.</li><li>Wait.</li></ol>
<table><tr><th>Part</th><th>Price</th></tr><tr><td>Lid</td><td>4.50</td></tr></table>
<ul><li>See the <a href="/lid">lid</a> page for spare lids.</li></ul></div>
<ul><li><a href="1">Terms of use</a></li><li><a href="2">Privacy</a></li><li><a href="3">Jobs</a>
</li></ul><script>var a = "code"</script><!-- a comment -->
<aside>Buy now!</aside><footer>© 2026 Acme</footer></body></html>"""


def test_a_page_without_what_leads_to_other_pages() -> None:
    found = read(PAGE, "html")
    assert found.title == "Care of kettles"
    assert found.text == (
        "# Care of kettles\n\nWipe it **daily** with a soft\ncloth, 5 < 6 & 7.\n\n## Descaling\n\n"
        "1. Fill it.\n2. Wait.\n\n| Part | Price |\n| --- | --- |\n| Lid | 4.50 |\n\n"
        "- See the lid page for spare lids.\n"
    )


def test_a_page_says_itself_what_its_text_is() -> None:
    body = "<p>Bees dance in the hive, and others follow them to the flowers.</p>" * 3
    page = f"<title>Bees</title><div>Latest news: rain.</div><main>{body}</main><div>Login</div>"
    assert read(page, "htm").text.count("Bees dance") == 3
    assert "news" not in read(page, "html").text
    assert read(page, "html").title == "Bees"
    outside = f"<title>Bees</title>{body}<main>Menu</main>"  # a main that holds next to nothing
    assert "Bees dance" in read(outside, "html").text


@pytest.mark.parametrize("tag", ["main", "article", "div", "section"])
def test_a_page_may_leave_out_the_tags_of_its_head_and_body(tag: str) -> None:
    said = "The kiln of Sorrel Bay was built in 1808."
    page = f"<!doctype html><title>Kiln</title><nav>Home</nav><{tag}><p>{said}</p></{tag}>"
    found = read(page, "html")
    assert (found.title, found.text) == ("Kiln", f"{said}\n")


def test_a_page_in_another_encoding_says_so_and_is_read() -> None:
    page = '<html><head><meta charset="iso-8859-1"></head><body><p>Grüße aus Köln.</p></body>'
    for data in (page.encode("latin-1"), page.encode().replace(b"iso-8859-1", b"utf-8")):
        assert read(data, "html").text == "Grüße aus Köln.\n"


def test_tags_that_nobody_closed() -> None:
    text = read("<p>Bees fly.\n" * 500 + "<ul>" + "<li>a hive" * 500, "html").text
    assert text.count("\n\nBees fly.") == 499
    assert text.count("\n- a hive") == 500


def test_a_page_with_nothing_on_it_and_one_nested_without_end() -> None:
    assert "there is no text in it" in wrong("<html><body><nav>Home</nav></body></html>", "html")
    assert "nested too deeply" in wrong("<div>" * 10_000 + "x", "html")
    assert "17 MB are too much for one page" in wrong(b" <p>" + b"x" * (17 << 20), "html")


FACTS = "<tr><td>Height</td><td>40 metres</td></tr><tr><td>Built by</td><td>Ole &amp; Ida</td></tr>"


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (FACTS, "- Height: 40 metres\n- Built by: Ole & Ida"),
        (
            FACTS.replace("td>Height</td", "th>Height</th"),
            "- Height: 40 metres\n- Built by: Ole & Ida",
        ),
        (
            "<tr><td>Day</td><td>Guests</td></tr><tr><td>Monday</td><td>40</td></tr>",
            "| Day | Guests |\n| --- | --- |\n| Monday | 40 |",
        ),
        (
            "<tr><td><b>Post</b></td><td><b>Who</b></td></tr><tr><td>Chair</td><td>Ida</td></tr>",
            "| **Post** | **Who** |\n| --- | --- |\n| Chair | Ida |",
        ),
        (
            "<thead><tr><td>Post</td><td>Who</td></tr></thead><tr><td>Chair</td><td>Ida</td></tr>",
            "| Post | Who |\n| --- | --- |\n| Chair | Ida |",
        ),
        ("<tr><td><h2>Left</h2>A</td></tr><tr><td>B</td></tr>", None),  # it lays out the page
    ],
)
def test_a_table_without_a_head_does_not_take_its_first_row_for_one(
    table: str, text: str | None
) -> None:
    found = read(f"<main><p>The tower.</p><table>{table}</table></main>", "html").text
    assert found == f"The tower.\n\n{text}\n" if text else "\n- " not in found


# --- Word ---


def test_a_word_document_keeps_its_headings_and_tables() -> None:
    data = docx_of(
        [
            ("Title", "Ferns"),
            ("Heading1", "Care"),
            ("Normal", "Water them & wait."),
            [["Month", "Litres"], ["May", "2"]],
            ("Heading2", "Light"),
            ("Normal", "No sun."),
        ],
        title="A name of its own",
    )
    found = read(data, "docx")
    assert found.title == "Ferns"
    assert found.text == (
        "# Ferns\n\n# Care\n\nWater them & wait.\n\n| Month | Litres |\n| --- | --- |\n"
        "| May | 2 |\n\n## Light\n\nNo sun.\n"
    )


def test_a_title_among_the_properties() -> None:
    named = docx_of([("Normal", "Bees fly.")], title="Bees & more")
    assert read(named, "docx").title == "Bees & more"


def test_word_documents_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    good = docx_of([("Normal", "Bees fly.")])
    assert "no Word document" in wrong(b"PK\x03\x04 and nothing", "docx")
    assert "no Word document" in wrong(good[: len(good) // 2], "docx")
    assert "locked by a password" in wrong(b"\xd0\xcf\x11\xe0" + b"\0" * 600, "docx")
    assert "there is no text in it" in wrong(docx_of([]), "docx")
    cut = docx_of([], text="<w:document")
    assert "broken, or not what its name says" in wrong(cut, "docx")
    bomb = docx_of([("Normal", "Bees fly.")], more=[("word/media/a.png", b"\0" * 9_000_000)])
    assert len(bomb) < 100_000
    monkeypatch.setattr("evolsynth.data.documents.docx._UNPACKED", 8_000_000)
    assert "it unpacks to far more than a text" in wrong(bomb, "docx")


# --- PDF ---


def manual(pages: int = 3) -> bytes:
    def page(n: int) -> list[Put]:
        said = (
            f"The kettle number {n} holds 1.7 litres of water and boils it in four minutes. It is "
            "made of steel (no rust), and the lid locks when it is hot. Never open it."
        )
        return [
            Put(72, 815, "Kettle K1 – manual", 8),
            Put(72, 700, f"Chapter {'ABC'[n]}", 14, BOLD) if n else Put(72, 720, "Kettle", 20),
            *lines_of(said, top=670),
            Put(500, 30, f"Page {n + 1} of {pages}", 8),
        ]

    return pdf_of([page(n) for n in range(pages)], title="Kettle K1")


def test_a_pdf_by_its_headings_and_paragraphs_without_the_edges_of_its_pages() -> None:
    found = read(manual(), "pdf")
    assert found.title == "Kettle K1"
    said = [
        f"The kettle number {n} holds 1.7 litres of water and boils it in four minutes. It is made "
        "of steel (no rust), and the lid locks when it is hot. Never open it."
        for n in range(3)
    ]
    expected = ["# Kettle", said[0], "## Chapter B", said[1], "## Chapter C", said[2]]
    assert found.text == "\n\n".join(expected) + "\n"


def test_words_that_were_cut_at_the_end_of_a_line_are_whole_again() -> None:
    page = [
        Put(72, 700, "The temperature of the wa-"),
        Put(72, 688, "ter is shown. A well-known maker sells this well-"),
        Put(72, 676, "known kettle in the North-"),
        Put(72, 664, "South region."),
    ]
    assert read(pdf_of([page]), "pdf").text == (
        "The temperature of the water is shown. A well-known maker sells this well-known kettle in "
        "the North- South region.\n"
    )


def test_a_sentence_goes_on_over_the_page() -> None:
    pages = [[Put(72, 100, "The lid locks when the")], [Put(72, 700, "water is hot.")]]
    assert read(pdf_of(pages), "pdf").text == "The lid locks when the water is hot.\n"


def test_lists_tables_and_columns_of_a_pdf() -> None:
    table = [["Part", "Number", "Price"], ["Lid", "BM-31", "4.50"], ["Base", "BM-32", "12.00"]]
    bees = "Bees fly far, and a hive may hold 40,000 of them. " * 4
    wasps = "Wasps fly less far, and a nest may hold 4,000 of them. " * 4
    page = [
        Put(72, 740, "You need the following:"),
        Put(72, 716, "• a soft cloth that is not wet and was never used for"),
        Put(82, 704, "anything else"),
        Put(72, 692, "• warm water"),
        Put(72, 660, "1. Fill it."),
        Put(72, 648, "2. Wait."),
        *lines_of(bees, top=500, width=40),
        *lines_of(wasps, x=320, top=500, width=40),
    ]
    for number, row in enumerate(table):
        page += [Put(72 + 90 * n, 600 - 18 * number, cell) for n, cell in enumerate(row)]
    text = read(pdf_of([page]), "pdf").text
    assert text.startswith(
        "You need the following:\n\n- a soft cloth that is not wet and was never used for anything "
        "else\n- warm water\n1. Fill it.\n2. Wait.\n\n| Part | Number | Price |\n"
        "| --- | --- | --- |\n| Lid | BM-31 | 4.50 |\n| Base | BM-32 | 12.00 |\n\n"
    )
    assert bees.strip() in text
    assert wasps.strip() in text


def test_pdfs_that_say_nothing_are_locked_or_broken() -> None:
    assert "only pictures. Let a program for scans" in wrong(pdf_of([[]]), "pdf")
    assert "locked by a password" in wrong(pdf_of([[Put(72, 700, "Bees")]], locked=True), "pdf")
    assert "no PDF" in wrong(b"<html>not a pdf</html>", "pdf")
    assert wrong(b"%PDF-1.4\n\xff\xfe nothing more", "pdf")
    assert wrong(manual()[:600], "pdf")


def test_a_title_that_a_program_made_up_is_none() -> None:
    page = [[Put(72, 700, "Bees fly.")]]
    for title in ("Microsoft Word - bees.docx", "untitled", "bees.pdf", "Document1", ""):
        assert read(pdf_of(page, title=title), "pdf").title == ""
    assert read(pdf_of(page, title="Bees (all)"), "pdf").title == "Bees (all)"


# --- files ---


def test_a_file_that_went_and_one_that_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"gone\.pdf: cannot be read \(No such file"):
        read_document(tmp_path / "gone.pdf")
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(100 << 20)
    with pytest.raises(InputError, match="100 MB are too much for one text"):
        read_document(large)
    monkeypatch.setattr(documents, "MOST_CHARACTERS", 1_000_000)
    large.write_bytes(b"Bees fly. " * 200_000)
    with pytest.raises(InputError, match="2 million characters are too much for one text"):
        read_document(large)


def test_a_package_that_lacks_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bs4", "markdownify", "mammoth", "pdfminer", "pdfminer.pdfdocument"):
        monkeypatch.setitem(sys.modules, name, None)
    assert read("# Bees", "md").text == "# Bees"
    assert read("Bees", "txt").text == "Bees"
    for kind, data in (("html", b"<p>Bees"), ("docx", docx_of([])), ("pdf", manual())):
        with pytest.raises(SetupError) as caught:
            made_of(data, kind, f"a.{kind}")
        said = str(caught.value)
        assert said.startswith(f"a.{kind}: ")
        assert said.endswith("is needed to read it. pip install 'evolsynth[texts]'")


def test_what_comes_without_a_name_is_told_by_how_it_begins() -> None:
    assert kind_of_bytes(manual()) == "pdf"
    assert kind_of_bytes(docx_of([])) == "docx"
    assert kind_of_bytes(b"\xef\xbb\xbf\n<!DOCTYPE HTML>") == kind_of_bytes(b"<html>") == "html"
    assert kind_of_bytes(b"# Bees") == kind_of_bytes(b"") == "md"
