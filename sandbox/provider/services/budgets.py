"""AWS Budgets."""

from sandbox.provider.resource import Resource
from sandbox.provider.shape import AWS_DECIDES, Field


class Budget(Resource):
    """What may be spent in a time."""

    reads = "describe_{}"
    given_in, found_in = ("Budget", "NewBudget"), "Budget"
    inputs = {
        "name": Field(aws="BudgetName"),
        "budgetType": None,
        "timeUnit": None,
        "limitAmount": Field(AWS_DECIDES, aws="BudgetLimit.Amount"),
        "limitUnit": Field(AWS_DECIDES, aws="BudgetLimit.Unit"),
    }
    identity = "{account}:{name}"
    outputs = {"accountId": "{account}", "arn": "arn:aws:budgets::{account}:budget/{name}"}
    tagged = True
