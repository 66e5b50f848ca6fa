"""Where people write freely in what Azure answers with: there a secret can stand. Paths by resource type.

The text is what is put there; `{}` stands for the secret.
"""

from __future__ import annotations

LOGIC_ACTIONS = "properties.definition.actions"
PLACES: dict[str, dict[str, str]] = {
    "Microsoft.Logic/workflows": {
        f"{LOGIC_ACTIONS}.Get.inputs.headers.X-Own": "{}",
        f"{LOGIC_ACTIONS}.Scope.actions.Http.inputs.headers.Authorization": "Basic {}",
        f"{LOGIC_ACTIONS}.Scope.actions.If.else.actions.Loop.actions.Http.inputs.body.inner[*].text": "{}",
        f"{LOGIC_ACTIONS}.Switch.cases.One.actions.Http.inputs.uri": "https://contoso.example/{}",
        f"{LOGIC_ACTIONS}.If.expression.and[*].equals[*]": "{}",
        "properties.definition.outputs.answer.value": "{}",
        "properties.definition.parameters.given.defaultValue": "{}",
        "properties.definition.parameters.given.allowedValues[*]": "{}",
        "properties.definition.triggers.manual.inputs.headers.X-Own": "{}",
        "properties.definition.triggers.manual.conditions[*].expression": "@equals(triggerBody()?['x'], '{}')",
        "properties.parameters.given.value": "{}",
        "properties.parameters.$connections.value.one.connectionProperties.authentication.text": "{}",
    },
}
