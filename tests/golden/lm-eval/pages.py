"""The pages of WikiText-2's test split, cut as the data set EleutherAI/wikitext_document_level does."""
TEXT = "configs/data/wiki.test.raw"


def pages():
    lines = []
    with open(TEXT, encoding="utf-8") as f:
        for line in f.read().split("\n"):
            heading = line.replace("= = =", "===").replace("= =", "==").strip()
            if heading.startswith("= ") and heading.endswith(" ="):
                if "\n".join(lines).strip():
                    yield "\n".join(lines)
                lines = []
            lines.append(line)
    yield "\n".join(lines)
