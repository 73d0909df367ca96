"""What people of the demonstration firm say and write; made up, unlike the narratives."""

ACKNOWLEDGED = (
    "Dear {name}, thank you for writing to us. Your complaint has the reference {reference}. I look into it myself and "
    "answer by {answer_by} at the latest. If something changes on your side, add it on your page or call me.",
    "Dear {name}, your complaint {reference} reached me today. I have asked the department concerned for its records. "
    "You hear from me as soon as I have read them, and by {answer_by} at the latest.",
)
QUESTIONS = (
    "Dear {name}, to check this I need the date of the statement on which you saw it first. A photo is enough.",
    "Dear {name}, could you tell me with whom you spoke, or on which day? Then I can listen to the recording.",
    "Dear {name}, please send us the letter you mention, if you still have it. If not, tell me roughly what it said.",
)
REPLIES = (
    "I found the letter and attach a photo. It came on a Tuesday, I remember because I was at home that day.",
    "I do not have the name any more. It was in the morning, shortly after you open.",
    "Here is what I have. The date is on the second page.",
    "I have told this to three people already. I hope it is the last time that I have to explain it.",
)
# What a complainant adds later: words, the title of the aspect it opens, its category.
LATER_MATTERS = (
    ("It has been weeks now and nobody called me back as you promised.", "Promised call did not come", "information"),
    ("Meanwhile you charged me another fee for the same thing.", "Another fee while we look into it", "fees"),
    ("Your last letter was addressed to somebody else. I do not want my papers to go astray.",
     "Letter with another person's name", "information"),
    ("The form on your page lost what I had written, twice.", "Form lost what was typed", "account_access"),
)  # fmt: skip
# What complainants of the demonstration bank say beside their first matter: words, title, category.
FURTHER_MATTERS = (
    (
        "I waited forty minutes on the telephone and was then cut off. It happened twice that week.",
        "Forty minutes on hold, then cut off",
        "information",
    ),
    (
        "At the branch nobody could tell me to whom I should speak. I was sent from desk to desk.",
        "Sent from desk to desk at the branch",
        "information",
    ),
    ("You wrote that somebody would call me within two days. Nobody did.", "Promised call did not come", "information"),
    (
        "For the letters and copies that I had to send I paid more than the whole matter is worth.",
        "Cost of letters and copies",
        "fees",
    ),
    (
        "Your page logged me out while I was writing, and everything was gone.",
        "Form lost what was typed",
        "account_access",
    ),
    ("The person on the telephone spoke to me as if I were a thief.", "Tone on the telephone", "information"),
    ("The letter came so late that the date in it had passed.", "Letter came after its own deadline", "information"),
    (
        "Your answer to my first letter dealt with something I had never asked.",
        "First answer missed the question",
        "information",
    ),
    (
        "Because of this I could not pay my rent in time and had to pay my landlord a fee.",
        "Late fee for the rent",
        "fees",
    ),
    ("I asked for my data and got the first page only.", "Copy of my data incomplete", "information"),
)
# What somebody writes who complained before.
SECOND_COMPLAINTS = (
    (
        "In spring you told me that this was settled. Now the same charge stands on my statement again, with the same "
        "date as then.",
        "The same charge again",
        "fees",
    ),
    (
        "You promised to send me a written confirmation. I have asked for it three times since and nothing has come. "
        "Without it the other office does nothing.",
        "Confirmation promised and never sent",
        "information",
    ),
    (
        "The money that you awarded me arrived, and two weeks later the same sum was taken from my account again.",
        "Money given and taken back",
        "payments",
    ),
    (
        "Your letter says that the entry was corrected. I asked for a copy today, and it is as it was.",
        "Correction did not happen",
        "credit_reporting",
    ),
    (
        "For a month after your answer it was quiet. Since Monday the calls have begun again, from a new number.",
        "The calls have begun again",
        "collection",
    ),
    (
        "I was told that I would have one person to speak to. It has been five by now, and each one asks me to tell it "
        "from the beginning.",
        "Five people and no one who knows",
        "information",
    ),
    (
        "With your answer came the papers of a woman who lives in another town. I have sent them back. I want to "
        "know where mine are.",
        "Somebody else's papers in my letter",
        "information",
    ),
    (
        "The new card has the wrong name on it. The first time this was the reason why it was refused in the shop.",
        "Wrong name on the new card",
        "payments",
    ),
    (
        "You changed my instalment without a word, so that the old standing order is now too low and you charge me for "
        "it.",
        "Instalment changed without a word",
        "loan_servicing",
    ),
    (
        "I sent you the doctor's letter as you asked. Your department says that it never arrived, although I have the "
        "receipt of the post.",
        "Doctor's letter lost",
        "information",
    ),
    (
        "The account that was to be closed in March has a fee on it for June.",
        "Fee on a closed account",
        "account_closing",
    ),
    (
        "Again I cannot get in. The code comes to a number that I no longer have, and I told you so last time.",
        "Code goes to an old number",
        "account_access",
    ),
)
UNHEARD = (
    "I told you on the first day that I cannot speak on the telephone for long, and you have called me eleven times "
    "since. Has nobody written that down?",
    "I am in hospital again. I wrote that in my first letter. Please do not send me forms with a week's term.",
)
UNHEARD_NEEDS = ("Letters only; longer terms while in treatment.", "Explicit consent in the letter")
MISSED = (
    "The customer named the illness in the first letter. We asked nothing and recorded nothing for two weeks. To be "
    "taken up with the team, and as an aspect of its own in the answer."
)
CHASERS = (
    "When will I hear from you? The date you gave me has passed.",
    "I am still waiting. Please tell me at least that somebody reads this.",
)
THANKS = (
    "Thank you for sorting this out.",
    "I accept this, though it took too long.",
    "I do not agree with everything, but I am glad that it is over.",
)
BACK_AGAIN = (
    "The amount has not arrived, and the entry is still on my statement. Please look at it again.",
    "The same thing happened again yesterday. I thought that this was settled.",
)
NOTES = (
    "Asked operations for the booking log of the day.",
    "Listened to the recording: the customer was told something else than our rules say.",
    "The terms changed in March; the customer has the older version. Checked with legal.",
    "Third complaint about this letter this month. Told the team leader.",
    "Called twice, no answer. Trying again tomorrow morning.",
    "Partner firm answered: they see the entry but not who made it.",
    "Waits for the statement from archive, expected within the week.",
)
WITHDRAWN = "The complainant told us that the matter has settled itself and wishes no answer."
REOPENED = (
    "The customer shows that the refund did not arrive.",
    "New statement sent in; it contradicts our answer.",
)
RECONSIDERED = "With the new statement we see that our first answer was wrong in part. We put this right."

# category: reasons per outcome, and the causes that are found
REASONS: dict[str, dict[str, str]] = {
    "fees": {
        "upheld": "The fee should not have been charged: we did not announce it as our terms require.",
        "partly_upheld": "One of the charges was right by the terms, the others follow from our own late booking.",
        "not_upheld": "The fee is named in the terms and was announced on the statement of the month before.",
    },
    "fraud": {
        "upheld": "Nothing shows that you authorised these payments, so we bear the loss.",
        "partly_upheld": "We blocked the card too late; but the payments before your call were made with the code.",
        "not_upheld": "The payments were confirmed in your app, on your own telephone.",
    },
    "collection": {
        "upheld": "We called more often, and at other places, than we allow ourselves. The calls have stopped.",
        "partly_upheld": "The claim itself stands, but how we asked for it was wrong.",
        "not_upheld": "We called twice in the month, at the number you gave us for this.",
    },
    "credit_reporting": {
        "upheld": "The entry was wrong. We have asked for its removal and send you the confirmation.",
        "partly_upheld": "The delay is true, its date was wrong. We have corrected the date.",
        "not_upheld": "The payment did arrive after the end of the grace period, so the entry is right.",
    },
    "information": {
        "upheld": "You asked for something you are entitled to, and we did not send it in time.",
        "partly_upheld": "We did answer, but left out what you had asked first.",
        "not_upheld": "The papers were sent to the address you gave us, and we send them once more with this answer.",
    },
    "": {
        "upheld": "Our own records show what you describe. We put it right.",
        "partly_upheld": "Part of what you describe follows from our mistake, part from the terms of the contract.",
        "not_upheld": "We followed the contract and told you of it before. I know that you hoped for another answer.",
    },
}
CAUSES: dict[str, tuple[str, ...]] = {
    "fees": ("wrong_information", "process_unfair", "system_fault"),
    "fraud": ("third_party", "process_not_followed", "delay"),
    "collection": ("process_not_followed", "third_party", "staff_conduct"),
    "credit_reporting": ("system_fault", "third_party", "wrong_information"),
    "information": ("delay", "wrong_information", "process_not_followed"),
    "staff": ("staff_conduct",),
    "": ("process_unfair", "product_or_service", "system_fault", "delay", "customer_misunderstanding"),
}
OUTCOME_WORDS = {
    "upheld": "You are right",
    "partly_upheld": "You are right in part",
    "not_upheld": "We could not follow you",
    "withdrawn": "Withdrawn",
}
NEEDS = (
    (True, False, "Large print, and no calls before ten.", "Explicit consent on the phone"),
    (True, True, "Needs time: agree on each call by e-mail first.", "Explicit consent by e-mail"),
    (False, False, "Prefers letters; hard of hearing.", "Explicit consent on the phone"),
    (True, False, "A relative may listen in on calls.", "Consent in the signed letter"),
    (False, True, "Asks for short sentences and one question at a time.", "Explicit consent by e-mail"),
)
# name, kind, role, authority, days until the authority ends (None: no end)
COMPANIONS = (
    ("Consumer Advice Foundation", "organisation", "representative", "Signed letter of authority", 120),
    ("Anders Holm", "person", "representative", "Power of attorney shown at the branch", -14),
    ("Julia Brzoza", "person", "joint_complainant", "", None),
    ("Brightwater Solicitors", "organisation", "representative", "Signed letter of authority", 21),
    ("Konrad Malik", "person", "joint_complainant", "", None),
    ("Northgate Furniture", "organisation", "complained_about", "", None),
    ("Teresa Wolna", "person", "representative", "Court order on guardianship", 400),
    ("Fundacja Głos", "organisation", "representative", "Signed letter of authority", 200),
    ("Bruno Köhler", "person", "joint_complainant", "", None),
    ("Ola Bielak", "person", "witness", "", None),
    ("Seaview Lettings", "organisation", "complained_about", "", None),
    ("Claire Garnier", "person", "representative", "Power of attorney of 2 February", 5),
    ("Obuya & Partners", "organisation", "representative", "Signed letter of authority", -40),
    ("Daryna Melnyk", "person", "joint_complainant", "", None),
    ("Union of Tenants", "organisation", "representative", "Membership with authority to act", 365),
    ("Ferry Lane Garage", "organisation", "complained_about", "", None),
    ("Sami Demir", "person", "witness", "", None),
    ("Iga Sowa", "person", "representative", "Letter of authority for one call", -3),
)
