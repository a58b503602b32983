/** Ends a service when the process that started it is gone, even when that was killed. */
import { spawn } from 'node:child_process';

// Standard input is a pipe from this process: it ends when this process does, whatever the cause. Then the service goes, its own processes too
// (a paused one would not see that its parent died), and its folder, if it is a passing one.
const WATCH = `read -r _
kill -9 "$1" $(ps -A -o pid= -o ppid= | awk -v parent="$1" '$2 == parent { print $1 }') 2>/dev/null
if [ -n "$2" ]; then
  while kill -0 "$1" 2>/dev/null; do sleep 0.05; done
  sleep 0.2
  rm -rf "$2"
fi`;

export interface Guard {
  /** To be called as soon as the service is gone: its pid may be given to another process. */
  release(): void;
}

/** Watches over the process `pid`; `folder` is removed with it, where one is given. */
export function guard(pid: number, folder: string | undefined): Guard {
  // In a session of its own: a signal to the group of this process must not end the watch before the watched.
  const watcher = spawn('sh', ['-c', WATCH, 'idemtrace-guard', String(pid), folder ?? ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.unref();
  if (watcher.stdin !== null && 'unref' in watcher.stdin && typeof watcher.stdin.unref === 'function') watcher.stdin.unref();
  watcher.on('error', () => undefined);
  return {
    release: () => {
      watcher.kill('SIGKILL');
    },
  };
}
