"""A program on a terminal of its own, for the system tests: what it is sent, what it must say, the terminal's size."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time


class Terminal:
    def __init__(self, argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(argv[0], argv)
        self.seen = b''

    def send(self, text):
        os.write(self.fd, text)

    def wait(self, word):
        """Reads until the word was seen; ends the test after two minutes."""
        end = time.time() + 120
        while word not in self.seen:
            if time.time() > end:
                sys.exit('no %r in %r' % (word, self.seen))
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.fd, 65536)
                except OSError:
                    sys.exit('ended: %r' % self.seen)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def says_size(self, rows, columns):
        """The shell at the other end learns the size."""
        self.resize(rows, columns)
        self.send(b'until [ "$(stty size)" = "%d %d" ]; do sleep 0.1; done; echo resi""zed\n' % (rows, columns))
        self.wait(b'resized')

    def exit_code(self):
        """Reads to the end."""
        try:
            while os.read(self.fd, 65536):
                pass
        except OSError:  # EIO: the other end is closed
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
