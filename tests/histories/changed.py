"""The certification workflow with a step in front, with which no recorded history can be replayed."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.shared.cases.messages import Begin
    from workflows import messages as names
    from workflows.certification import AssisterCertification


@workflow.defn(name=names.WORKFLOW)
class Hesitating(AssisterCertification):
    """Waits a second before it claims its case."""

    @workflow.init
    def __init__(self, begin: Begin) -> None:
        super().__init__(begin)

    @workflow.run
    async def run(self, begin: Begin) -> str:
        """Then goes on as it did."""
        await workflow.sleep(timedelta(seconds=1))
        return await super().run(begin)
