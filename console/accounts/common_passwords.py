"""Passwords that many people choose: told by their pattern, not by a list of leaked ones.

The list is our own. It names words, phrases and walks over the keyboard of which the common
passwords of twelve characters and more are made: alone, repeated, joined, with a year, figures and
marks around them, and with figures in the place of letters. A list of leaked passwords would hold
other people's secrets, and most of those are shorter than what is asked for here.
"""

from __future__ import annotations

import re

_LISTED = """
    password passwort passphrase passcode secret private confidential login logon signin access
    welcome hello goodbye letmein letme in openup opensesame sesame changeme change default
    temporary temp initial guest user username account admin administrator root superuser sysadmin
    master support helpdesk service system server network internet computer laptop desktop windows
    microsoft google apple android iphone office gmail yahoo facebook instagram youtube netflix
    district school schools schoolyear highschool middleschool elementary student students teacher
    teachers principal library classroom homework education learning academy college university
    campus mascot eagles tigers panthers bulldogs wildcats lions bears wolves hawks falcons
    knights warriors mustangs cougars spartans trojans vikings raiders rams cardinals
    roster rosters bellringer bellringers oneroster sync
    spring summer autumn fall winter january february march april may june july august september
    october november december monday tuesday wednesday thursday friday saturday sunday today
    football baseball basketball soccer hockey volleyball softball lacrosse
    sunshine princess dragon monkey shadow superman batman spiderman starwars pokemon minecraft
    iloveyou ilove loveyou lovely love you me forever always trustno trust nothing whatever
    america american freedom liberty jesus christ heaven angel blessed family mother father
    cookie cheese chocolate banana orange purple yellow silver golden rainbow flower butterfly
    test tester testing example sample demo database security secure incorrect
    my the is a and on our new this that it i am not your best big go
    correcthorsebatterystaple correcthorse batterystaple thequickbrownfox jumpsoverthelazydog
    onetwothree onetwothreefour onetwothreefourfive
"""
_WORDS = frozenset(_LISTED.split())
#: Rows of keyboards, the alphabet and figures; a walk is a piece of one, either way.
_WALKS = (
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik",
    "qazwsxedcrfvtgbyhnujmikolp",
    "abcdefghijklmnopqrstuvwxyz",
    "12345678901234567890",
    "!@#$%^&*()",
)
_SHORTEST_WALK = 3
_LONGEST_PIECE = 32
#: So many words, walks, years and single other characters are common; more of them are not.
_PIECES = 4
_DIFFERENT_CHARACTERS = 5
_YEAR = re.compile(r"(?:19|20)\d\d")
_SEPARATORS = re.compile(r"[\s._-]+")
#: What stands around the word in the middle.
_AROUND = re.compile(r"([\d\W_]*)(.*?)([\d\W_]*)", re.DOTALL)
#: Figures and marks that stand for letters.
_LETTERS = str.maketrans("013457@$!|", "oieastasil")


def is_common(password: str) -> bool:
    """Return whether a password is made of little but what many people choose.

    >>> is_common("Password2026!!"), is_common("qwertyuiop123456"), is_common("aaaaaaaaaaaaa")
    (True, True, True)
    >>> is_common("P@ssw0rdP@ssw0rd"), is_common("WelcomeTigers#1")
    (True, True)
    >>> is_common("lantern-gravel-otter"), is_common("password83920174650")
    (False, False)
    """
    plain = _SEPARATORS.sub("", password.casefold())
    if len(set(plain)) < _DIFFERENT_CHARACTERS:
        return True
    found = _AROUND.fullmatch(plain)
    before, middle, after = found.groups() if found else ("", plain, "")
    readings = {plain, before + middle.translate(_LETTERS) + after}
    return any(_pieces(_once(reading)) <= _PIECES for reading in readings)


def _once(text: str) -> str:
    """Return what is repeated, where a text is nothing but one thing several times.

    >>> _once("abcabcabc"), _once("abcab")
    ('abc', 'abcab')
    """
    period = (text + text).find(text, 1)
    return text[:period]


def _pieces(text: str) -> int:
    """Return of how few pieces a text can be made."""
    fewest = [0]
    for end in range(1, len(text) + 1):
        starts = range(max(0, end - _LONGEST_PIECE), end)
        fewest.append(1 + min(fewest[start] for start in starts if _is_piece(text[start:end])))
    return fewest[-1]


def _is_piece(text: str) -> bool:
    if len(text) == 1 or text in _WORDS or len(set(text)) == 1 or _YEAR.fullmatch(text):
        return True
    if len(text) < _SHORTEST_WALK:
        return False
    return any(text in walk or text[::-1] in walk for walk in _WALKS)
