"""Terraform's modules with something wrong in them: each fault must be told, and nothing else."""

import json
import shutil
import tempfile
import unittest
from pathlib import Path
from typing import Any

from names import Names
from policies import Attached
from schema import Schema
from source import Unreadable, read
from suppressions import Findings, unexplained

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache/terraform"
TOPOLOGY = ROOT / "kafka/topology.yaml"
OBJECTS = "modules/objects/main.tf"
PRINCIPALS = "modules/principals/main.tf"
STAGE = "modules/stage/main.tf"
PIPELINE = "examples/pipeline/main.tf"


class Planted(unittest.TestCase):
    """A copy of the modules, to plant faults in."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve() / "terraform"
        shutil.copytree(ROOT / "terraform", self.root)

    def plant(self, path: str, old: str, new: str) -> None:
        """Replaces one text, which must be there."""
        file = self.root / path
        text = file.read_text()
        self.assertIn(old, text)
        file.write_text(text.replace(old, new, 1))

    def assert_told(self, faults: list[str], *words: str) -> None:
        """As many faults as words, in that order."""
        self.assertEqual(len(faults), len(words), faults)
        for fault, word in zip(faults, words):
            self.assertIn(word, fault)


class Hcl(Planted):
    def test_a_file_that_is_no_hcl(self) -> None:
        self.plant(OBJECTS, 'resource "aws_s3_bucket" "payloads" {', "resource {{")
        with self.assertRaisesRegex(Unreadable, OBJECTS):
            read(self.root)


class KnownNames(Planted):
    schema = Schema.load(CACHE / "aws.json", CACHE / "random.json")

    def faults(self) -> list[str]:
        return list(Names(read(self.root), self.schema).faults())

    def test_as_it_is(self) -> None:
        self.assertEqual(self.faults(), [])

    def test_a_wrong_attribute(self) -> None:
        self.plant(OBJECTS, "enable_key_rotation     = true", "enable_key_rotations = true")
        self.assert_told(
            self.faults(), "aws_kms_key.payloads: resource has no attribute enable_key_rotations"
        )

    def test_a_wrong_attribute_in_a_block_that_is_made_for_each_of_something(self) -> None:
        self.plant(OBJECTS, "actions   = [statement.value.action]", "action = []")
        self.assert_told(self.faults(), "statement has no attribute action")

    def test_a_missing_attribute(self) -> None:
        self.plant(OBJECTS, "object_ownership = ", "# object_ownership = ")
        self.assert_told(self.faults(), "rule lacks object_ownership")

    def test_a_computed_attribute_that_is_set(self) -> None:
        self.plant(OBJECTS, "enable_key_rotation     = true", 'arn = "mine"')
        self.assert_told(self.faults(), "arn of resource is computed")

    def test_a_wrong_resource(self) -> None:
        self.plant(OBJECTS, 'resource "aws_kms_key"', 'resource "aws_kms_keys"')
        # Itself, and the two places that name it as what it was.
        self.assert_told(
            sorted(self.faults()),
            "no provider has aws_kms_keys",
            "it names aws_kms_key.payloads, which is nowhere",
        )

    def test_a_wrong_data_source(self) -> None:
        self.plant(STAGE, 'data "aws_region" "current"', 'data "aws_regions_of_mars" "current"')
        told = " ".join(self.faults())
        self.assertIn("no provider has aws_regions_of_mars", told)
        self.assertIn("it names aws_region.current, which is nowhere", told)

    def test_a_resource_where_only_a_data_source_is(self) -> None:
        self.plant(STAGE, 'data "aws_region" "current"', 'resource "aws_region" "current"')
        self.assertIn("no provider has aws_region", " ".join(self.faults()))

    def test_a_wrong_block(self) -> None:
        self.plant(STAGE, "network_configuration {", "networking {")
        self.assert_told(self.faults(), "resource has no block networking")

    def test_a_block_that_is_written_as_an_attribute(self) -> None:
        self.plant(OBJECTS, "filter {}", "filter = {}")
        self.assert_told(self.faults(), "rule has no attribute filter")

    def test_an_attribute_that_is_asked_for_and_not_there(self) -> None:
        self.plant(
            OBJECTS,
            "value       = aws_s3_bucket.payloads.arn",
            "value = aws_s3_bucket.payloads.url",
        )
        self.assert_told(self.faults(), "it asks aws_s3_bucket.payloads for url")

    def test_an_attribute_of_each_of_a_loop(self) -> None:
        self.plant(PRINCIPALS, "name => secret.arn", "name => secret.number")
        self.assert_told(self.faults(), "it asks aws_secretsmanager_secret.scram for number")

    def test_names_inside_of_text(self) -> None:
        self.plant(
            OBJECTS, "Payloads in ${local.topology.bucket}", "Payloads in ${local.topologie.bucket}"
        )
        self.assert_told(self.faults(), "it names local.topologie.bucket")
        self.plant(OBJECTS, "${local.topologie.bucket}", "local.nothing.at.all")
        self.assertEqual(self.faults(), [])

    def test_between_modules(self) -> None:
        self.plant(PIPELINE, "log_key_arn       =", "logs_key_arn      =")
        self.plant(PIPELINE, "module.principals.writer_role_arns", "module.principals.writers")
        self.assert_told(
            sorted(self.faults()),
            "it names module.principals.writers",
            "has no variable logs_key_arn",
            "it does not give log_key_arn",
        )


class Documents(Planted):
    def setUp(self) -> None:
        super().setUp()
        # Kept equal to what the code prints by a test of its own.
        self.shown: Any = json.loads((ROOT / "terraform/policies.json").read_text())

    def faults(self) -> list[str]:
        attached = Attached(read(self.root), TOPOLOGY, self.root / "policies.json")
        return list(attached.faults(self.shown))

    def test_as_it_is(self) -> None:
        self.assertEqual(self.faults(), [])

    def test_a_document_that_differs(self) -> None:
        self.plant("policies.json", "s3:GetObject", "s3:*")
        self.assert_told(self.faults(), "the role of generate gets another document")

    def test_a_bucket_policy_that_differs(self) -> None:
        self.plant(
            "policies.json", '"aws:SecureTransport": "false"', '"aws:SecureTransport": "true"'
        )
        self.assert_told(self.faults(), "the bucket gets another policy")

    def test_a_document_too_few(self) -> None:
        self.shown["principals"]["mallory"] = self.shown["principals"]["admin"]
        self.assert_told(self.faults(), "the role of mallory gets another document")

    def test_no_bucket_policy(self) -> None:
        self.plant(OBJECTS, 'resource "aws_s3_bucket_policy"', 'resource "aws_s3_bucket_logging"')
        self.assert_told(self.faults(), "the bucket gets another policy")

    def test_an_expression_that_changes_a_document(self) -> None:
        self.plant(PRINCIPALS, "jsonencode(each.value)", "jsonencode(merge(each.value, {}))")
        told = self.faults()
        self.assertIn("this check cannot evaluate merge(each.value, {})", told[0])

    def test_a_second_document(self) -> None:
        file = self.root / PRINCIPALS
        text = file.read_text()
        begin = text.index('resource "aws_iam_role_policy" "principal"')
        block = text[begin : text.index("}\n", begin) + 2]
        file.write_text(text + block.replace('"principal" {', '"more" {', 1))
        self.assertIn("gets a second document", " ".join(self.faults()))

    def test_other_ways_to_give_rights(self) -> None:
        for resource in (
            'resource "aws_iam_role_policy_attachment" "all" {}',
            'resource "aws_iam_role" "other" {\n managed_policy_arns = ["arn:of:somebody"]\n}',
            'resource "aws_iam_role_policy" "all" {\n role = var.role\n policy = "{}"\n}',
        ):
            file = self.root / STAGE
            whole = file.read_text()
            file.write_text(f"{whole}\n{resource}\n")
            self.assertNotEqual(self.faults(), [], resource)
            file.write_text(whole)

    def test_objects_for_the_instance(self) -> None:
        self.plant(STAGE, '["kms:Decrypt"]', '["kms:Decrypt", "s3:GetObject"]')
        self.assert_told(self.faults(), "it gives s3:GetObject to a role that is no principal's")


class Suppressions(Planted):
    def test_one_that_is_not_explained(self) -> None:
        self.assertEqual(list(unexplained(self.root)), [])
        self.plant(
            OBJECTS, ":reads are told by CloudTrail data events, with the principal and the key", ""
        )
        self.plant(
            PRINCIPALS,
            "CKV2_AWS_57:rotation by a function would give that function every password;",
            "CKV2_AWS_57:PROJ-1234",
        )
        self.assert_told(
            list(unexplained(self.root)), "CKV_AWS_18 is skipped", "CKV2_AWS_57 is skipped"
        )

    def test_one_that_is_not_in_the_code(self) -> None:
        (self.root / ".checkov.yaml").write_text("skip-check: [CKV_AWS_18]\n")
        self.assert_told(list(unexplained(self.root)), ".checkov.yaml")

    def test_a_finding_and_a_suppression_of_nothing(self) -> None:
        self.plant(OBJECTS, "enable_key_rotation     = true", "enable_key_rotation     = false")
        log_group = 'resource "aws_cloudwatch_log_group" "stage" {'
        comment = "# checkov:skip=CKV_AWS_158:the key is given below, so this skips nothing"
        self.plant(STAGE, log_group, f"{log_group}\n  {comment}")
        findings = Findings(CACHE / "venv/bin/checkov", self.root)
        self.assert_told(list(findings.faults()), "CKV_AWS_7 ", "CKV_AWS_158 is skipped, and would")


if __name__ == "__main__":
    unittest.main()
