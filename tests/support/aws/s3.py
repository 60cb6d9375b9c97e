"""The part of Amazon S3 that nestbox speaks, in memory.

Source: the S3 API reference (PutObject, GetObject, HeadObject, DeleteObject, ListObjectsV2, the
multipart calls and ListMultipartUploads) and its list of error responses.
"""

import base64
import hashlib
import itertools
import re
import urllib.parse
from xml.sax.saxutils import escape

SMALLEST_PART = 5 << 20


class S3Error(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


def error_body(code, message):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        "<RequestId>4442587FB7D0A2F9</RequestId></Error>"
    ).encode()


def document(name, inner):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</{name}>'
    ).encode()


class Reply:
    def __init__(self, status=200, body=b"", headers=None):
        self.status, self.body, self.headers = status, body, headers or {}


class S3:
    def __init__(self):
        self.buckets = {"bucket": {}}
        self.uploads = {}
        self.counter = itertools.count(1)
        self.page = 1000

    def handle(self, method, path, query, headers, body):
        fields = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        name, _, key = urllib.parse.unquote(path[1:]).partition("/")
        if name not in self.buckets:
            raise S3Error(404, "NoSuchBucket", "The specified bucket does not exist")
        bucket = self.buckets[name]
        if not key:
            if method == "GET" and "uploads" in fields:
                return self.list_uploads(name, fields)
            if method == "GET":
                return self.list(bucket, fields)
            raise S3Error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        if len(key.encode()) > 1024:
            raise S3Error(400, "KeyTooLongError", "Your key is too long")
        if "uploads" in fields and method == "POST":
            return self.begin_upload(name, key, headers)
        if "uploadId" in fields:
            return self.upload(method, bucket, (name, key), fields, headers, body)
        if method == "PUT":
            return self.put(bucket, key, headers, body)
        if method == "DELETE":
            bucket.pop(key, None)
            return Reply(204)
        if method in ("GET", "HEAD"):
            if key not in bucket:
                raise S3Error(404, "NoSuchKey", "The specified key does not exist.")
            return self.get(bucket[key], headers)
        raise S3Error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")

    @staticmethod
    def check_digest(headers, body):
        wanted = headers.get("X-Amz-Checksum-Sha256")
        if wanted and wanted != base64.b64encode(hashlib.sha256(body).digest()).decode():
            raise S3Error(400, "BadDigest", "The SHA256 you specified did not match the calculated checksum.")

    @staticmethod
    def metadata(headers):
        return {name: value for name, value in headers.items() if name.lower().startswith("x-amz-meta-")}

    def put(self, bucket, key, headers, body):
        self.check_digest(headers, body)
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        bucket[key] = {"body": body, "etag": etag, "metadata": self.metadata(headers)}
        return Reply(headers={"ETag": etag})

    @staticmethod
    def get(item, headers):
        reply = {"ETag": item["etag"], "Accept-Ranges": "bytes", **item["metadata"]}
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("Range", ""))
        if not match:
            return Reply(200, item["body"], reply)
        start, size = int(match[1]), len(item["body"])
        end = min(int(match[2] or size - 1), size - 1)
        if start >= size:
            raise S3Error(416, "InvalidRange", "The requested range is not satisfiable")
        reply["Content-Range"] = f"bytes {start}-{end}/{size}"
        return Reply(206, item["body"][start : end + 1], reply)

    def list(self, bucket, fields):
        if fields.get("list-type") != "2":
            raise S3Error(501, "NotImplemented", "A header you provided implies functionality that is not implemented")
        keys = sorted(key for key in bucket if key.startswith(fields.get("prefix", "")))
        start = fields.get("continuation-token", "")
        keys = [key for key in keys if key > start]
        page, rest = keys[: self.page], keys[self.page :]
        inner = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(bucket[key]['body'])}</Size></Contents>" for key in page
        )
        inner += f"<KeyCount>{len(page)}</KeyCount><IsTruncated>{'true' if rest else 'false'}</IsTruncated>"
        if rest:
            inner += f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>"
        return Reply(200, document("ListBucketResult", inner))

    def list_uploads(self, name, fields):
        found = sorted(
            (target[1], identifier) for identifier, upload in self.uploads.items()
            if (target := upload["target"])[0] == name and target[1].startswith(fields.get("prefix", ""))
        )
        page, rest = found[: self.page], found[self.page :]
        inner = f"<Bucket>{escape(name)}</Bucket><IsTruncated>{'true' if rest else 'false'}</IsTruncated>" + "".join(
            f"<Upload><Key>{escape(key)}</Key><UploadId>{identifier}</UploadId></Upload>" for key, identifier in page
        )
        return Reply(200, document("ListMultipartUploadsResult", inner))

    def begin_upload(self, bucket, key, headers):
        upload = f"upload-{next(self.counter)}"
        self.uploads[upload] = {"target": (bucket, key), "parts": {}, "metadata": self.metadata(headers)}
        inner = f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
        return Reply(200, document("InitiateMultipartUploadResult", inner))

    def upload(self, method, bucket, target, fields, headers, body):
        upload = self.uploads.get(fields["uploadId"])
        if not upload or upload["target"] != target:
            raise S3Error(404, "NoSuchUpload", "The specified upload does not exist.")
        if method == "PUT":
            number = int(fields["partNumber"])
            if not 1 <= number <= 10000:
                raise S3Error(400, "InvalidArgument", "Part number must be an integer between 1 and 10000")
            self.check_digest(headers, body)
            etag = f'"{hashlib.md5(body).hexdigest()}"'
            upload["parts"][number] = (etag, body)
            return Reply(headers={"ETag": etag})
        if method == "DELETE":
            del self.uploads[fields["uploadId"]]
            return Reply(204)
        named = re.findall(r"<PartNumber>(\d+)</PartNumber>\s*<ETag>([^<]+)</ETag>", body.decode())
        named = [(int(number), etag.replace("&quot;", '"')) for number, etag in named]
        if not named or [number for number, _ in named] != sorted({number for number, _ in named}):
            raise S3Error(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
        for index, (number, etag) in enumerate(named):
            if upload["parts"].get(number, ("", b""))[0] != etag:
                raise S3Error(400, "InvalidPart", "One or more of the specified parts could not be found.")
            if index + 1 < len(named) and len(upload["parts"][number][1]) < SMALLEST_PART:
                raise S3Error(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
        whole = b"".join(upload["parts"][number][1] for number, _ in named)
        etag = f'"{hashlib.md5(whole).hexdigest()}-{len(named)}"'
        bucket[target[1]] = {"body": whole, "etag": etag, "metadata": upload["metadata"]}
        del self.uploads[fields["uploadId"]]
        inner = f"<Bucket>{escape(target[0])}</Bucket><Key>{escape(target[1])}</Key><ETag>{escape(etag)}</ETag>"
        return Reply(200, document("CompleteMultipartUploadResult", inner))
