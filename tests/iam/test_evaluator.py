"""The evaluator against what AWS documents."""

import unittest

from evaluator import Request, UnknownElement, decide


def document(*statements: dict[str, object]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(effect: str, action: str, resource: str, **more: object) -> dict[str, object]:
    return {"Effect": effect, "Action": [action], "Resource": [resource], **more}


ALL = document(statement("Allow", "s3:*", "*"))
GET = Request("s3:GetObject", "arn:aws:s3:::b/logs/1")


class Decisions(unittest.TestCase):
    def test_nothing_is_allowed_by_itself(self) -> None:
        self.assertFalse(decide(GET, None, None))
        self.assertFalse(decide(GET, document(), document()))

    def test_either_document_allows(self) -> None:
        self.assertTrue(decide(GET, ALL, None))
        self.assertTrue(decide(GET, None, ALL))

    def test_a_denial_wins_wherever_it_is(self) -> None:
        deny = document(statement("Deny", "s3:GetObject", "*"))
        self.assertFalse(decide(GET, ALL, deny))
        self.assertFalse(decide(GET, deny, ALL))

    def test_patterns(self) -> None:
        def allowed(action: str, resource: str) -> bool:
            return decide(GET, document(statement("Allow", action, resource)), None)

        self.assertTrue(allowed("s3:getobject", "arn:aws:s3:::b/logs/*"))
        self.assertTrue(allowed("s3:Get*", "arn:aws:s3:::?/*"))
        self.assertFalse(allowed("s3:GetObjectAcl", "arn:aws:s3:::b/logs/*"))
        self.assertFalse(allowed("s3:GetObject", "arn:aws:s3:::b/logs"))
        self.assertFalse(allowed("s3:GetObject", "arn:aws:s3:::B/logs/*"))
        # A dot is a dot, and a bracket no class.
        self.assertFalse(allowed("s3:GetObject", "arn:aws:s3...b/logs/1"))

    def test_conditions(self) -> None:
        def applies(operator: str, key: str, wanted: str, **sent: str) -> bool:
            rule = statement("Allow", "s3:*", "*", Condition={operator: {key: wanted}})
            return decide(Request(GET.action, GET.resource, sent), document(rule), None)

        self.assertTrue(applies("Bool", "tls", "false", tls="false"))
        self.assertFalse(applies("Bool", "tls", "false", tls="true"))
        self.assertFalse(applies("Bool", "tls", "false"))
        self.assertTrue(applies("Null", "match", "true"))
        self.assertFalse(applies("Null", "match", "true", match="*"))
        self.assertTrue(applies("Null", "match", "false", match="*"))

    def test_what_is_not_known_is_no_guess(self) -> None:
        for unknown in (
            statement("Allow", "s3:*", "*", Condition={"StringLike": {"k": "v"}}),
            statement("Allow", "s3:*", "*", NotAction=["s3:PutObject"]),
            statement("Allow", "s3:*", "*", Principal={"AWS": "arn:aws:iam::1:root"}),
            statement("Maybe", "s3:*", "*"),
        ):
            with self.assertRaises(UnknownElement):
                decide(GET, document(unknown), None)


if __name__ == "__main__":
    unittest.main()
