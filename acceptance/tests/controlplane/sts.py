"""A stand-in for AWS's Security Token Service, which tells who has signed a request for GetCallerIdentity. It checks the
signature as AWS does, by botocore, and prints its address. python sts.py KEY SECRET ARN [KEY SECRET ARN ...]
"""

import http.server
import re
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

words = sys.argv[1:]
KNOWN = {key: (secret, arn) for key, secret, arn in zip(words[::3], words[1::3], words[2::3])}


class Answers(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        authorization = self.headers["authorization"]
        key, region, service, names, signature = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=(\w+)/\d+/([\w-]+)/(\w+)/aws4_request, SignedHeaders=([\w;-]+), Signature=(\w+)",
            authorization,
        ).groups()
        secret, arn = KNOWN.get(key, ("", ""))
        headers = {name: self.headers[name] for name in names.split(";")}
        request = AWSRequest(method="POST", url=f"http://{self.headers['host']}{self.path}", data=body, headers=headers)
        request.context["timestamp"] = self.headers["x-amz-date"]
        signer = SigV4Auth(Credentials(key, secret), service, region)
        made = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        if made != signature or body != b"Action=GetCallerIdentity&Version=2011-06-15":
            error = "<Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>it does not match</Message></Error>"
            return self.say(403, f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>")
        result = f"<Arn>{arn}</Arn><UserId>AROAEXAMPLE:x</UserId><Account>{arn.split(':')[4]}</Account>"
        self.say(
            200,
            '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
            f"{result}</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
            "</GetCallerIdentityResponse>",
        )

    def say(self, status, text):
        self.send_response(status)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
