# Speaks to the daemon as a hostile agent would: straight, with whatever it likes in the messages.
import array, ctypes, os, socket, struct, sys, time

S, D = os.environ["S"], int(os.environ["D"])


def field(number, data):
    key = number << 3 | 2
    head = bytes([key]) if key < 128 else bytes([key & 127 | 128, key >> 7])
    return head + bytes([len(data)]) + data


NAME = field(1, field(1, b"default") + field(2, b"env/two"))
GET = field(5, NAME)
VALUES = field(15, b"")
PROVE = field(3, b"")
UNLOCK = field(1, field(1, b"age1forged"))
BORROW = field(41, b"")
HEADER = field(40, b"")


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(3)
    s.connect(S)
    send(s, bytes([8, 1, 16, 1]))
    return s


def send(s, message, body=b""):
    s.sendall(struct.pack("<II", len(message), len(body)) + message + body)


def told(s):
    try:
        while True:
            got = s.recv(65536)
            if not got:
                return
            sys.stdout.buffer.write(got)
            sys.stdout.flush()
    except OSError:
        pass


def ask(*messages):
    s = connect()
    for message in messages:
        send(s, *message) if isinstance(message, tuple) else send(s, message)
    told(s)


move = sys.argv[1]
if move == "get":
    ask(GET)
elif move == "values":
    ask(VALUES)
elif move == "forged-identity":
    # Fields that no message has: a user, an agent, a run.
    ask(field(5, NAME + field(13, b"0") + field(14, b"operator")))
elif move == "prove":
    ask((PROVE, os.urandom(32)), GET)
elif move == "unlock":
    ask((UNLOCK, os.urandom(32)), GET)
elif move == "borrow":
    ask((BORROW, os.urandom(32)), GET)
elif move == "header":
    ask(HEADER)
elif move == "garbage":
    for size in (1, 8, 100, 70000):
        s = socket.socket(socket.AF_UNIX)
        s.connect(S)
        try:
            s.sendall(os.urandom(size))
        except OSError:
            pass
elif move == "oversize":
    s = connect()
    s.sendall(struct.pack("<II", 0xFFFFFFFF, 0xFFFFFFFF))
    told(s)
elif move == "much":
    all = []
    for _ in range(64):
        s = connect()
        try:
            s.sendall(struct.pack("<II", 900000, 3000000) + b"x" * 200000)
        except OSError:
            pass
        all.append(s)
    time.sleep(1)
elif move == "crowd":
    all = []
    try:
        for _ in range(400):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(1)
            s.connect(S)
            all.append(s)
    except OSError:
        pass
    time.sleep(1)
elif move == "slow":
    s = connect()
    for byte in struct.pack("<II", len(GET), 0) + GET:
        s.sendall(bytes([byte]))
        time.sleep(0.02)
    told(s)
elif move == "left-behind":
    # The one that connected is over when the request comes: its number is free for others.
    a, b = socket.socketpair()
    if os.fork() == 0:
        s = connect()
        socket.send_fds(a, [b"x"], [s.fileno()])
        os._exit(0)
    os.wait()
    _, fds, _, _ = socket.recv_fds(b, 1, 1)
    s = socket.socket(fileno=fds[0])
    s.settimeout(3)
    send(s, GET)
    told(s)
elif move == "passed-on":
    # To an orphan of another session, which then speaks on a connection of ours.
    s = connect()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(0.3)
            send(s, GET)
            told(s)
        os._exit(0)
    time.sleep(2)
elif move == "pidfd":
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.syscall(434, D, 0)
    for number in range(3, 16):
        fd = libc.syscall(438, handle, number, 0)
        if fd >= 0:
            print("the-second-value: a descriptor of the daemon's was had")
elif move == "readv":
    libc = ctypes.CDLL(None, use_errno=True)
    into = ctypes.create_string_buffer(4096)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(into), 4096)
    with open("/proc/self/maps") as maps:
        start = int(maps.readline().split("-")[0], 16)
    for base in (start, 0x555555554000, 0x7FFFF7000000):
        remote = (ctypes.c_size_t * 2)(base, 4096)
        if libc.process_vm_readv(D, vector, 1, remote, 1, 0) > 0:
            print("the-second-value: memory of the daemon was read")
elif move == "ptrace":
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, D, 0, 0) == 0:
        print("the-second-value: the daemon is traced")
elif move == "squat":
    socket_path = os.environ.get("AT", S)
    s = socket.socket(socket.AF_UNIX)
    s.bind(socket_path)
    s.listen(64)
    os.setsid()
    if os.fork() == 0:
        s.settimeout(20)
        try:
            while True:
                s.accept()[0].close()
        except OSError:
            os._exit(0)
