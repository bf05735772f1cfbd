"""A mail server on a port of the loopback, with TLS from the first byte or after STARTTLS: aiosmtpd.

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


class Starttls(Controller):
    def factory(self):
        return SMTP(self.handler, authenticator=authenticate, auth_required=True, tls_context=context, require_starttls=True)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
place = {"hostname": "127.0.0.1", "port": int(sys.argv[4])}
later = sys.argv[5] == "starttls"
controller = Starttls(Handler(), **place) if later else Tls(Handler(), ssl_context=context, **place)
controller.start()
print("ready", flush=True)
sys.stdin.read()
controller.stop()
