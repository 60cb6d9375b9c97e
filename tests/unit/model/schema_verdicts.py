"""Reads {"schema": …, "documents": […]} and writes for each document whether the schema accepts it."""

import json
import sys

import jsonschema

job = json.load(sys.stdin)
jsonschema.Draft202012Validator.check_schema(job["schema"])
validator = jsonschema.Draft202012Validator(job["schema"])
json.dump([validator.is_valid(document) for document in job["documents"]], sys.stdout)
