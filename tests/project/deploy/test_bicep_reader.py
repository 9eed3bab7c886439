"""The reader of Bicep files: what it makes of each construct that the templates use, and what it refuses."""

import pytest

FRAME = """
@description('Given.')
param given string

@description('A number.')
param count int = 1

resource account 'Microsoft.Storage/storageAccounts@2026-09-01' existing = {
  name: given
}

output used int = count
"""


@pytest.fixture
def read(tmp_path, ask_checks):
    """Reads one more line in the frame; gives the template, or the error's text."""
    (tmp_path / "infra").mkdir()

    def compiled(line: str, frame: str = FRAME):
        (tmp_path / "infra" / "sample.bicep").write_text(frame + line + "\n")
        found = ask_checks(tmp_path, "infra/sample.bicep", fits=False)
        return found.get("template", found.get("error"))

    return compiled


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'plain'", "plain"),
        (r"'it\'s \${not} code'", "it's ${not} code"),
        ("'a-${given}-{b}'", "[format('a-{0}-{{b}}', parameters('given'))]"),
        ("given == 'x' ? 'y' : 'z'", "[if(equals(parameters('given'), 'x'), 'y', 'z')]"),
        ("given == 'x' ? 'y' : account.name", "[if(equals(parameters('given'), 'x'), 'y', parameters('given'))]"),
        ("!empty(given) && count > 2", "[and(not(empty(parameters('given'))), greater(parameters('count'), 2))]"),
        ("given != 'x' || count < 2", "[or(not(equals(parameters('given'), 'x')), less(parameters('count'), 2))]"),
        ("account.id", "[resourceId('Microsoft.Storage/storageAccounts', parameters('given'))]"),
        ("account.properties.primaryEndpoints.queue", "[reference('account').primaryEndpoints.queue]"),
        ("[1, -2, true, null, [given]]", [1, -2, True, None, ["[parameters('given')]"]]),
        ("{ 'a-b': { c: given } }", {"a-b": {"c": "[parameters('given')]"}}),
        ("concat([given], ['it\\'s'])", "[concat(createArray(parameters('given')), createArray('it''s'))]"),
        (
            "[for i in range(0, count): { n: '${i}' }]",
            "[map(range(0, parameters('count')), lambda('i', createObject('n', format('{0}', lambdaVariables('i')))))]",
        ),
    ],
)
def test_expression_becomes_what_arm_understands(read, expression, expected):
    assert read(f"output result object = {expression}")["outputs"]["result"]["value"] == expected


def test_variable_that_looks_at_a_resource_is_put_in_place(read):
    template = read("var host = account.properties.primaryEndpoints.blob\noutput o string = '${host}x'")
    assert template["variables"] == {}
    assert template["outputs"]["o"]["value"] == "[format('{0}x', reference('account').primaryEndpoints.blob)]"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("output o string = nothing", "nothing is not declared"),
        ("output o string = lastIndexOf(given, 'x')", "function lastIndexOf is not known here"),
        ("output o object = account", "account is a resource: take a property of it"),
        ("output o string = account.sku", ".sku of resource account is not known here"),
        ("var unused = given", "declared and never used: unused"),
        ("param bare string", "a parameter needs a description"),
        ("var given = 1", "given is declared twice"),
        ("output o bool = count % 2 == 0", "% is not known here"),
        ("output o string = 'open", "is not valid Bicep"),
    ],
)
def test_what_it_does_not_know_is_refused_by_name_and_line(read, line, complaint):
    text = read(line)
    assert isinstance(text, str)
    assert complaint in text
    assert text.startswith("infra/sample.bicep")


GRANDCHILD = """
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-09-01' existing = {
  parent: account
  name: 'default'
}

resource box 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-09-01' = {
  parent: blobs
  name: 'box'
}

output address string = '${account.properties.primaryEndpoints.blob}${box.name}'
output id string = box.id
"""


def test_name_of_a_grandchild_has_three_parts_and_its_own_is_the_last(read):
    found = read(GRANDCHILD)
    kind = "Microsoft.Storage/storageAccounts/blobServices/containers"
    assert found["resources"]["box"]["name"] == "[format('{0}/{1}/{2}', parameters('given'), 'default', 'box')]"
    assert (
        found["outputs"]["address"]["value"] == "[format('{0}{1}', reference('account').primaryEndpoints.blob, 'box')]"
    )
    assert found["outputs"]["id"]["value"] == f"[resourceId('{kind}', parameters('given'), 'default', 'box')]"
