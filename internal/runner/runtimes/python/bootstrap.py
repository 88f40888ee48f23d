"""The Python side of an instance. It speaks the protocol of package frames on file
descriptor 3, loads the function's code when it is assigned, and runs its handler.

It runs on Python 3.6 and later.
"""
import builtins
import importlib.util
import io
import json
import logging
import os
import sys
import time
import traceback

FD = 3
ASSIGN, HOOK, INVOKE = b"AHV"
BOOTED, LOADED, HOOKED, RESULT = b"BLDR"
OK, UNHANDLED, HANDLED, FATAL = range(4)

_read, _write, _exit = os.read, os.write, os._exit
os.set_inheritable(FD, False)


def _quit(code=None):
    raise SystemExit(code)


# "site" is not imported, so that no package of the host is visible; it would bring these.
builtins.exit = builtins.quit = _quit


class _State:
    config = {}
    request_id = ""
    handler = None
    module = None


# ---- frames ----

_buffer = bytearray()


def _receive():
    """Returns the next frame as (type, body)."""
    global _buffer
    while True:
        if len(_buffer) >= 4:
            need = 4 + int.from_bytes(_buffer[:4], "big")
            if len(_buffer) == need:  # the usual case: exactly one frame
                frame, _buffer = _buffer, bytearray()
                return frame[4], bytes(memoryview(frame)[5:])
            if len(_buffer) > need:
                view = memoryview(_buffer)
                kind, body, rest = view[4], bytes(view[5:need]), bytearray(view[need:])
                view.release()
                _buffer = rest
                return kind, body
        else:
            need = 4
        chunk = _read(FD, max(65536, min(need - len(_buffer), 1 << 20)))
        if not chunk:
            _exit(1)  # the server is gone
        _buffer += chunk


def _send(kind, fixed, payload):
    data = b"".join(((1 + len(fixed) + len(payload)).to_bytes(4, "big"), bytes((kind,)), fixed, payload))
    n = _write(FD, data)
    while n < len(data):
        n += _write(FD, memoryview(data)[n:])


def _head(body, at):
    fields = []
    for _ in range(5):
        n = int.from_bytes(body[at:at + 2], "big")
        fields.append(body[at + 2:at + 2 + n].decode("latin-1"))
        at += 2 + n
    return fields, at


# ---- output ----

def _open_output():
    # A line is written at once, so lines of child processes come in their right place.
    for fd, name in ((1, "stdout"), (2, "stderr")):
        raw = io.open(fd, "wb", closefd=False)
        stream = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, "__%s__" % name, stream)


def _flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


class _Formatter(logging.Formatter):
    converter = time.gmtime

    def format(self, record):
        record.fc_request_id = _State.request_id
        return super().format(record)


class _Handler(logging.StreamHandler):
    """Writes to what sys.stdout is at the moment: functions replace it."""

    def __init__(self):
        logging.Handler.__init__(self)
        self.setFormatter(_Formatter("%(asctime)s.%(msecs)03dZ %(fc_request_id)s [%(levelname)s] %(message)s", "%Y-%m-%dT%H:%M:%S"))

    @property
    def stream(self):
        return sys.stdout


# ---- context ----

class _Fields:
    def __init__(self, **kw):
        self.__dict__.update(kw)

    def __repr__(self):
        shown = ("%s=%r" % (k, "***" if k in ("access_key_secret", "security_token") and v else v)
                 for k, v in self.__dict__.items() if not k.startswith("_"))
        return "%s(%s)" % (type(self).__name__.lstrip("_"), ", ".join(shown))


class Credentials(_Fields):
    pass


class FunctionMeta(_Fields):
    pass


class ServiceMeta(_Fields):
    pass


class Tracing(_Fields):
    pass


class FCContext(_Fields):
    def to_json(self):
        return json.dumps(self, default=lambda o: {k: v for k, v in o.__dict__.items() if not k.startswith("_")}, sort_keys=True)

    toJson = to_json


class FCContext312(FCContext):
    """The context of python3.12, which the cloud changed."""

    def getLogger(self):
        if self.logger is None:
            self.logger = logging.getLogger()
        return self.logger

    def __getattr__(self, name):
        if name in ("credentials", "service"):
            raise AttributeError(
                "the context of python3.12 has no '%s' (that of python3.10 and earlier has); %s" % (
                    name,
                    "read ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and ALIBABA_CLOUD_SECURITY_TOKEN from os.environ, or choose the runtime python3.10"
                    if name == "credentials" else "qualifier and version_id are in context.function"))
        raise AttributeError("the context has no '%s'" % name)


def _context(fields):
    request_id, key_id, key_secret, token, retries = fields
    c = _State.config
    f, s = c["function"], c["service"]
    if c["runtime"] == "python3.12":
        return FCContext312(
            request_id=request_id,
            function=FunctionMeta(name=f["name"], handler=f["handler"], memory=f["memory"], timeout=f["timeout"],
                                  version_id=s["versionId"], qualifier=s["qualifier"]),
            region=c["region"], account_id=c["accountId"], log_project=s["logProject"], log_store=s["logStore"],
            logger=None, retry_count=int(retries))
    return FCContext(
        request_id=request_id,
        credentials=Credentials(access_key_id=key_id, access_key_secret=key_secret, security_token=token),
        function=FunctionMeta(name=f["name"], handler=f["handler"], memory=f["memory"], timeout=f["timeout"]),
        service=ServiceMeta(name=s["name"], log_project=s["logProject"], log_store=s["logStore"],
                            qualifier=s["qualifier"], version_id=s["versionId"]),
        region=c["region"], account_id=c["accountId"], retry_count=int(retries),
        tracing=Tracing(span_context="", jaeger_endpoint="", span_baggages={}))


_shown = ["", "", ""]
_names = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")


def _begin(fields):
    _State.request_id = fields[0]
    for i in range(3):
        v = fields[i + 1]
        if _shown[i] != v:
            _shown[i] = v
            if v:
                os.environ[_names[i]] = v
            else:
                os.environ.pop(_names[i], None)


# ---- errors ----

_ours = (__file__, importlib.__file__)


def _error(e):
    frames = []
    for f in traceback.extract_tb(e.__traceback__):
        if f[0] not in _ours and not f[0].startswith("<frozen importlib"):
            frames.append(["File \"%s\"" % f[0], "line %s" % f[1], "in %s" % f[2], f[3] or ""])
    message = str(e)
    if isinstance(e, SyntaxError) and e.filename:
        frames.append(["File \"%s\"" % e.filename, "line %s" % e.lineno, "", (e.text or "").strip()])
    return json.dumps({"errorMessage": message, "errorType": type(e).__name__, "stackTrace": frames}).encode()


class LoadError(Exception):
    pass


def _split(spec):
    name, dot, func = spec.rpartition(".")
    if not dot or not name or not func:
        raise LoadError("Handler '%s' is not of the form file.function, for example index.handler" % spec)
    return name, func


def _find_file(name):
    code = _State.config["code"]
    bases = [name]
    if "." in name:
        bases.append(name.replace(".", "/"))
    for base in bases:
        for path in (os.path.join(code, base + ".py"), os.path.join(code, base, "__init__.py")):
            if os.path.isfile(path):
                return base, path
    raise LoadError(
        "Cannot find module '%s.py'. The handler '%s' means the file %s.py at the root of the code package; check the "
        "handler, and that the zip holds the file itself and not a directory around it." % (
            os.path.join(code, name), _State.config["handler"], name))


def _load(spec):
    name, func = _split(spec)
    base, path = _find_file(name)
    dotted = base.replace("/", ".").strip(".")
    parts = dotted.split(".")
    if all(p.isidentifier() for p in parts):
        # As a package's module, so that its relative imports work.
        try:
            module = importlib.import_module(dotted)
            if os.path.realpath(getattr(module, "__file__", None) or "") != os.path.realpath(path):
                module = None  # something else of that name came first
        except ModuleNotFoundError as e:
            if e.name is None or not (dotted + ".").startswith(e.name + "."):
                raise
            module = None
    else:
        module = None
    if module is None:
        found = importlib.util.spec_from_file_location(dotted, path)
        module = importlib.util.module_from_spec(found)
        sys.modules[dotted] = module
        found.loader.exec_module(module)
    _State.module = module
    return _find(spec)


def _find(spec):
    name, func = _split(spec)
    fn = getattr(_State.module, func, None)
    if not callable(fn):
        raise LoadError("Handler '%s' missing on module '%s'. Define it: def %s(event, context):" % (func, name, func))
    return fn


def _assign(body):
    _State.config = c = json.loads(body.decode())
    os.environ.update(c["env"])
    try:
        os.chdir(c["code"])
        sys.path[:] = [c["code"]] + [p for p in sys.path if p and p != os.path.dirname(os.path.abspath(__file__))]
        for extra in c["modules"]:
            sys.path.append(extra)
        _State.handler = _load(c["handler"])
    except LoadError as e:
        _flush()
        _send(LOADED, bytes((UNHANDLED,)), json.dumps({"errorMessage": str(e), "errorType": "Error", "stackTrace": []}).encode())
    except SystemExit:
        raise
    except BaseException as e:
        _flush()
        _send(LOADED, bytes((UNHANDLED,)), _error(e))
    else:
        _flush()
        _send(LOADED, bytes((OK,)), b"")


def _hook(body):
    fields, _ = _head(body, 1)
    _begin(fields)
    status, payload = OK, b""
    try:
        _find(_State.config["preStop" if body[0] else "initializer"])(_context(fields))
    except SystemExit:
        raise
    except BaseException as e:
        status, payload = UNHANDLED, _error(e)
    _flush()
    _send(HOOKED, bytes((status,)), payload)


def _invoke(body):
    call = body[:4]
    fields, at = _head(body, 4)
    _begin(fields)
    status = b"\0"
    try:
        result = _State.handler(body[at:], _context(fields))
        if isinstance(result, (bytes, bytearray, memoryview)):
            payload = bytes(result)
        elif isinstance(result, str):
            payload = result.encode("utf-8", "surrogateescape")
        else:
            payload = json.dumps(result).encode()
        limit = _State.config["maxPayload"]
        if len(payload) > limit:
            status, payload = bytes((UNHANDLED,)), json.dumps({
                "errorMessage": "The result has %d bytes, more than the %d that a response may have. Write it to OSS and return its name." % (len(payload), limit),
                "errorType": "EntityTooLarge", "stackTrace": []}).encode()
    except SystemExit:
        raise
    except BaseException as e:
        status, payload = bytes((UNHANDLED,)), _error(e)
    _flush()
    _send(RESULT, call + status, payload)


def _main():
    _open_output()
    root = logging.getLogger()
    root.addHandler(_Handler())
    root.setLevel(logging.INFO)
    _send(BOOTED, b"", b"")
    calls = {ASSIGN: _assign, HOOK: _hook, INVOKE: _invoke}
    while True:
        kind, body = _receive()
        calls[kind](body)


if __name__ == "__main__":
    try:
        _main()
    except SystemExit as e:
        _flush()
        _exit(e.code if isinstance(e.code, int) else 0 if e.code is None else 1)
