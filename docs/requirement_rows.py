"""What the system must do, one line a row: an index for docs/requirements.md, not the specification itself."""

STATE_PROGRAM = {
    "A1": "An assister is an agent, a broker or an enrollment counselor; nothing else is accepted",
    "A2": "An agent works for one insurer, a broker for one or more; what was named is kept and shown",
    "A3": "Agents and brokers hold a valid New Mexico licence and have accepted the agreement, kept as a record",
    "A4": "Counselors help free of charge: their request has no insurer and no commission",
    "A5": "A counselor works for the exchange or for a hospital, clinic, school or another place that is named",
    "A6": "Counselors learn where to refer consumers: tax professional, Department of Insurance, Social Security",
    "A7": "New agents and brokers are located in New Mexico, or have both addresses in AZ, CO, OK, TX or UT",
    "A8": "New means never certified here and never registered in the LMS",
    "A9": "Returning means certified for an earlier plan year with a portal account; who is neither is lapsed",
    "A10": "One request form opens one case; sent again it changes nothing; after an end it opens a new one",
    "A11": "Returning assisters submit no form: their LMS account is enrolled once, at once; what they have counts",
    "A12": "Staff approve, deny or ask, each decision with who, when and why",
    "A13": "Licence and NPN are confirmed by the registry; approving what it doesn't confirm takes a recorded override",
    "A14": "Counselors' background check is complete before the decision; none is ordered for agents and brokers",
    "A15": "Once eligible, a new assister gets one invitation to set up an LMS account, never earlier",
    "A16": "A returning assister is told to log in directly, without an invitation",
    "A17": "LMS account and profile open the training; a course completed before them is held",
    "A18": "Lessons and exam have no deadline: a long pause loses nothing and reminders end nothing",
    "A19": "Each plan year has one course, the same for every kind of assister",
    "A20": "Training is annual: what was passed in another year doesn't count",
    "A21": "The exam is passed at 80 % or better, without rounding",
    "A22": "Attempts are unlimited, and every one is kept; a failure after a pass changes nothing",
    "A23": "The certificate takes approval, training and a passed exam together, and is issued once",
    "A24": "The portal comes after the certificate: without a valid number it refuses; an early report has no effect",
    "A25": "Agents and brokers register on the Broker Portal themselves, by the link in their e-mail",
    "A26": "The exchange creates a counselor's Assister Portal account, once, after the certificate",
    "A27": "A counselor who registers alone is refused, told why, and the attempt is audited",
    "A28": "A counselor's activation link works once, expires, and is voided by the next one",
    "A29": "Portal profile and scheduling tool are tracked, in any order",
    "A30": "Nobody may assist before every step is done; what is missing is named",
    "A31": "Every page and e-mail shows the contact of its topic and no other",
    "A32": "Resources are shown by kind of assister",
}
FEDERAL_PROGRAM = {
    "B1": "Who registered, trained and took part in the Individual Market the year before takes the short course",
    "B2": "Everything an assister reads is there in Spanish as well as in English",
    "B3": "One portal account a person: a second one is refused, and recovery of user id or password is offered",
    "B4": "The portal's tab “Marketplace Training – Agent Broker” lists the links, and they lead on",
    "B5": "The role sets which fields of the MLMS profile are required",
    "B6": "There are exactly two roles: Marketplace Agent Broker, Not an Agent Broker",
    "B7": "Role and contacts are checked and saved, then Next; Next is refused before a valid save",
    "B8": "The profile feeds Find Local Help and Help On Demand, with the next publication",
    "B9": "The NPN is required and right; a silent registry leaves it unverified; other roles are never listed",
    "B10": "Individual, business and web-based entity have NPNs of their own; a copied one is refused with the warning",
    "B11": "Returning agents are enrolled in the short course once, automatically; more is added on request",
    "B12": "Individual Market and SHOP complete each on its own; the completed course suffices, there is no exam",
    "B13": "Training counts from the MLMS or from a vendor approved by HHS, and from nobody else",
    "B14": "A vendor is reached through the portal only, by a launch ticket that works once and expires",
    "B15": "A vendor's completion alone is no registration: the person comes back to finish",
    "B16": "Each applicable agreement is opened, read and accepted, after profile and training; its text is on record",
    "B17": "Certificates are printed once every step is complete, not before",
    "B18": "The Registration Tracker has to show a completion within two business days; late is flagged",
    "B19": "The Registration Completion List has to show it within two business days; late is flagged",
    "B20": "Find Local Help has to show it within three business days, federal holidays left out",
    "B21": "An NPN absent from the RCL after its lag is asked about, once, by e-mail to the help desk",
}
EVERYWHERE = {
    "C1": "One durable workflow per assister waits as long as it takes; crashes lose nothing and repeat nothing",
    "C2": "Staff, webhooks and operators each have their screen, readable without the code",
    "C3": "An exam result before eligibility is held, and counts once eligible",
    "C4": "Webhooks late, repeated, out of order, forged or malformed: each gets its answer, none harms a case",
    "C5": "An event id seen before with another body is refused and kept aside for staff",
    "C6": "Plan years overlap without touching each other; a case ends with its own year's window",
    "C7": "A licence that lapses after certification suspends the authority to assist until it is restored",
    "C8": "Withdrawn, denied and revoked are explicit, each with its notice",
    "C9": "Every write is audited: who, when, what, why",
    "C10": "An appealed decision is explicit, with its notice",
}
IDENTITY = {
    "D1": "An e-mail address is confirmed, by a code, before anything else of its owner's is done",
    "D4": "Strangers learn nothing: who is known and who isn't get the same pages",
    "D6": "One's own pages of both programs are opened by a code and a session; no e-mail holds a lasting secret",
    "D7": "Each sender has a credential of its own, for its program, its kinds of report and one direction",
    "D8": "Earlier years are joined to nobody else, and a file of them that contradicts itself is refused",
}
YEARS = {
    "E1": "Licenses of the certified are watched, by the policy's cadence and by the registry's alerts",
    "E2": "A licence that isn't in force suspends the authority to assist; the certificate stays as a record",
    "E3": "A suspension ends with its own cause; what staff have ordered waits for staff, or for its last day",
    "E4": "Staff suspend, lift and terminate, with reasons and days by policy, each with its notice",
    "E5": "What staff decided can be appealed within the policy's days; late is told so",
    "E6": "Somebody else decides than who decided before; a reversal opens the case where it stood; clocks are durable",
    "E7": "What an appellant may do meanwhile is the policy's: a suspension waits for its appeal, or stands",
    "E8": "A denial by a report goes by the law: notice, days, dispute, final notice; a check that ended badly is "
    "ordered anew",
    "E9": "A season opens every returning assister's case once, page by page: progress, pause, resume, cancel, "
    "a rehearsal that changes nothing; and it says who was left out and why",
    "E10": "A CSV of earlier years, checked row by row, its rows at fault a CSV to mend and send again; an import is "
    "undone as a whole while nothing was built on it",
    "E11": "A corrected name has a new certificate that supersedes the one before, whose page says so",
    "E12": "Policies are files, checked at start with every fault named by file and line; a case keeps its rules",
    "E13": "A certificate has a last day, its page says when its plan year has ended; years past aren't offered",
    "E14": "A training deadline, if the policy has one: told ahead, then lapsed, not failed; completing reactivates",
    "E15": "The health line of authority is held, by each state's own words; a renewal under way is looked at",
    "E16": "A certificate is an Open Badges 3.0 credential, too, whose status lists follow revocation and superseding",
}
ROWS = STATE_PROGRAM | FEDERAL_PROGRAM | EVERYWHERE | IDENTITY | YEARS

# What a row asks for and the system doesn't do yet, so that a row with tests is not taken for more than they show.
MISSING = {
    "C7": "Nobody watches licences yet: what suspends by a lapse is asked by nobody",
    "E2": "Nobody watches licences yet",
    "C8": "A request that was never approved can be revoked; the public page of a withdrawn certificate says *revoked*",
}

# Rows that no release goes out without a test of.
REQUIRED = list(ROWS)
