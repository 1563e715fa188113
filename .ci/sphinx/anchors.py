"Names of headings as Quarto makes them, so that a link leads to the same place on both sites."
import re

def slug(title):
    plain = re.sub(r'[^\w\s.-]', '', title.lower())
    return re.sub(r'^[^a-z]+', '', re.sub(r'\s+', '-', plain.strip()))
