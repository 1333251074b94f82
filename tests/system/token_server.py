"""A token server for docker-registry (its "token" authentication): user "user" with password "secret" may do everything, anybody may
pull what begins with "open/"; a refresh token "refresh-1" stands for the user. Signs with KEY, whose certificate the registry knows.
usage: token_server.py PORT KEY CERTIFICATE LOG"""
import base64
import http.server
import json
import subprocess
import sys
import time
import urllib.parse

PORT, KEY, CERTIFICATE, LOG = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
X5C = ''.join(line for line in open(CERTIFICATE) if not line.startswith('-----')).replace('\n', '')
LIFE = int(sys.argv[5]) if len(sys.argv) > 5 else 300


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def token(user, scopes):
    access = []
    for scope in scopes:
        kind, name, actions = scope.rsplit(':', 2) if scope.count(':') >= 2 else ('', '', '')
        actions = [a for a in actions.split(',') if user or (a == 'pull' and name.startswith('open/'))]
        if kind == 'repository' and actions:
            access.append({'type': kind, 'name': name, 'actions': actions})
    now = int(time.time())
    header = {'typ': 'JWT', 'alg': 'RS256', 'x5c': [X5C]}
    claims = {'iss': 'orch-test', 'sub': user or '', 'aud': 'test', 'exp': now + LIFE, 'nbf': now - 10, 'iat': now,
              'jti': str(time.time()), 'access': access}
    text = b64(json.dumps(header).encode()) + '.' + b64(json.dumps(claims).encode())
    signature = subprocess.run(['openssl', 'dgst', '-sha256', '-sign', KEY], input=text.encode(), capture_output=True, check=True)
    return text + '.' + b64(signature.stdout)


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, code, what):
        body = json.dumps(what).encode()
        with open(LOG, 'a') as f:
            f.write(f'{self.command} {self.path} {code}\n')
        self.send_response(code)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        user, shown = None, self.headers.get('Authorization', '')
        if shown:
            if base64.b64decode(shown.split()[1]).decode() != 'user:secret':
                return self.answer(401, {'details': 'wrong password'})
            user = 'user'
        self.answer(200, {'token': token(user, query.get('scope', []))})

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers['Content-Length'])).decode())
        if form.get('refresh_token') != ['refresh-1'] or form.get('grant_type') != ['refresh_token']:
            return self.answer(401, {'details': 'wrong refresh token'})
        self.answer(200, {'access_token': token('user', form.get('scope', [''])[0].split())})


http.server.ThreadingHTTPServer(('127.0.0.1', PORT), Handler).serve_forever()
