"""What makes a text of a file: of plain text, Markdown, HTML, Word and PDF."""
