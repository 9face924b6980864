import asyncio, pytest
from tests.support import documents
pytestmark = pytest.mark.asyncio(loop_scope="session")
async def test_probe(world):
    r = documents.broker()
    await world.imported(documents.earlier(r, 2023, lms_account="old-x"))
    o = await world.opened({**r, "email": "mallory."+r["email"]})
    await world.until(o, "awaiting_decision"); await asyncio.sleep(1)
    print((await world.status(o))["assister_type"], [f for f in (await world.status(o))["eligibility"]["findings"] if f["result"]!="pass"])
    print([(c["path"], c["body"]["account"], c["body"]["email"]) for c in await world.calls("lms") if c["body"] and c["body"].get("registration")==o["case_id"]])
    print([m["subject"] for m in await world.letters("mallory."+r["email"])], [m["subject"] for m in await world.letters(r["email"])])
