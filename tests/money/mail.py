"""A mail server with TLS from the first byte, on a free port of the loopback: aiosmtpd.

It takes one user, prints its port, then one line of JSON for each mail. Ends with its stdin.
"""
import json
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "body": envelope.content.decode("utf-8", "replace"),
            "tls": server.transport.get_extra_info("ssl_object") is not None,
        }
        print(json.dumps(mail), flush=True)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data == LoginPassword(b"vault@example.org", sys.argv[3].encode())
    return AuthResult(success=good)


class Tls(Controller):
    def factory(self):
        return SMTP(self.handler, authenticator=authenticate, auth_required=True, auth_require_tls=False)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
controller = Tls(Handler(), hostname="127.0.0.1", port=int(sys.argv[4]), ssl_context=context)
controller.start()
print("ready", flush=True)
sys.stdin.read()
controller.stop()
