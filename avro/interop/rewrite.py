"""Reads a container with fastavro, prints each datapoint as JSON, and writes all of them again.

    rewrite.py IN OUT [CODEC]

The copy is made by fastavro alone: its own header, formatting of the schema, sync markers and
block sizes. Bytes are printed as hex, a member of a union of records as [name, fields].
"""

import json
import sys

import fastavro


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: plain(field) for name, field in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def main(source, copy, codec="zstandard"):
    with open(source, "rb") as file:
        reader = fastavro.reader(file, return_record_name=True)
        schema = reader.writer_schema
        datapoints = list(reader)
    for datapoint in datapoints:
        print(json.dumps(plain(datapoint), sort_keys=True))
    with open(copy, "wb") as file:
        fastavro.writer(file, schema, datapoints, codec=codec, sync_interval=2000)


main(*sys.argv[1:])
