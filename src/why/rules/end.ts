/** Why a process ended that did not end by itself: limits, signals, and those who sent them. */
import type { ContainerFacts, Evidence, Finding } from "../evidence.ts";
import { again, shellWords, sizeWord, start } from "../words.ts";
import { finding } from "./who.ts";

const sigKill = 137;

/** Twice as much, where it was limited. */
function moreMemory(container: ContainerFacts): string[] {
  const memory = container.memoryBytes;
  if (memory === null) return [];
  const size = sizeWord(memory * 2);
  return again(container, {
    options: ["--memory", size],
    without: ["--memory", "-m", "--memory-swap"],
  });
}

/** The kernel took it because its memory was full. */
export function outOfMemory({ container }: Evidence): Finding | null {
  if (container === null || !container.isOomKilled) return null;
  const limit = container.memoryBytes;
  return finding(
    "out-of-memory",
    limit === null
      ? "the kernel killed it because the machine, or the cgroup that it is in, had no memory left"
      : `the kernel killed it because it needed more than the ${sizeWord(limit)} of memory that it may have`,
    {
      evidence: [
        `exit code ${container.exitCode}, and the monitor saw the kernel's out-of-memory event`,
        ...(limit === null ? [] : [`memory limit ${limit} bytes`]),
        ...(container.memoryPeak === null ? [] : [`it had ${container.memoryPeak} bytes at most`]),
      ],
      cures: moreMemory(container),
      advice: limit === null ? "free memory on the host: free -h" : null,
    },
  );
}

/** Somebody or something of ours ended it. */
export function endedByUs({ container }: Evidence): Finding | null {
  if (container === null) return null;
  const code = `exit code ${container.exitCode}`;
  switch (container.endedBy) {
    case "stop-by-force":
      return finding(
        "stop-ignored",
        `it did not end within ${container.stopSeconds} seconds of ${container.stopSignal}, so that stop killed it`,
        {
          evidence: [
            code,
            "the journal of events has its stop",
            container.hasInit
              ? "an init hands signals on to it"
              : "it is process 1, for which the kernel ignores signals that it does not handle itself (pid_namespaces(7))",
          ],
          cures: container.hasInit ? [] : again(container, { options: ["--init"] }),
          advice: container.hasInit
            ? "give it longer (--stop-timeout), or the signal that it ends by (--stop-signal)"
            : "or give it the signal that it ends by, with --stop-signal, or longer with --stop-timeout",
        },
      );
    case "timeout":
      return finding(
        "timeout",
        `it was killed because it ran for longer than the ${container.timeoutSeconds} seconds of --timeout`,
        {
          evidence: [code, `it ran for ${Math.round(container.ranSeconds)} seconds`],
          cures: again(container, { options: ["--timeout", "0"], without: ["--timeout"] }),
        },
      );
    case "kill":
      return finding("killed", "it was killed by `cooper kill` or `cooper rm --force`", {
        evidence: [code, "the journal of events has the kill"],
        cures: container.isKept ? [start(container)] : [],
      });
    case "stop":
      return finding("stopped", "it was stopped, and ended by the signal that stop sends", {
        evidence: [code, "the journal of events has its stop"],
        cures: container.isKept ? [start(container)] : [],
      });
    default:
      return null;
  }
}

interface SignalRule {
  readonly id: string;
  readonly name: string;
  readonly cause: string;
  readonly advice: string;
  readonly options?: readonly string[];
}

/** Signals by their number, where nothing better is known than what they mean. */
const signals: Readonly<Record<number, SignalRule>> = {
  4: {
    id: "illegal-instruction",
    name: "SIGILL",
    cause: "it executed an instruction that this processor does not have",
    advice:
      "the program may be built for a newer processor (x86-64-v3): choose another image or tag",
  },
  6: {
    id: "aborted",
    name: "SIGABRT",
    cause: "the program gave up by itself (abort(3))",
    advice: "what it said last tells why: cooper logs",
  },
  7: {
    id: "bus-error",
    name: "SIGBUS",
    cause: "it reached for memory that is not there: a mapped file was cut, or /dev/shm is full",
    advice: "where it uses shared memory, give it more with --shm-size",
  },
  8: {
    id: "arithmetic",
    name: "SIGFPE",
    cause: "the program divided by zero, or the like",
    advice: "that is a bug of the program",
  },
  9: {
    id: "killed-from-outside",
    name: "SIGKILL",
    cause:
      "it was killed from outside: no command of cooper's did it, and no memory limit of the container",
    advice: "look for it in the kernel's log: sudo dmesg | grep -i -e 'killed process' -e oom",
  },
  11: {
    id: "crashed",
    name: "SIGSEGV",
    cause: "the program crashed: it reached for memory that is not its own",
    advice: "that is a bug of the program, or a library that does not fit it: try another tag",
  },
  31: {
    id: "bad-system-call",
    name: "SIGSYS",
    cause: "it was killed for a system call that the seccomp filter forbids",
    advice: "find the call with: strace, and allow it in a profile of its own",
    options: ["--security-opt", "seccomp=unconfined"],
  },
};

/** It ended by a signal that nobody of ours sent. */
export function endedBySignal({ container }: Evidence): Finding | null {
  if (container === null || container.exitCode <= 128 || container.exitCode > 128 + 64) return null;
  const number = container.exitCode - 128;
  const rule = signals[number];
  if (rule === undefined) return null;
  if (number === 9 && !["exited", "restarting"].includes(container.state)) return null;
  const { id, cause, name, advice, options } = rule;
  const shm = id === "bus-error" ? ["--shm-size", sizeWord(container.shmBytes * 4)] : undefined;
  const added = options ?? shm;
  return finding(id, cause, {
    evidence: [
      `exit code ${container.exitCode} is 128 + ${number}, ${name}`,
      ...(container.exitCode === sigKill && container.memoryBytes === null
        ? ["it had no memory limit"]
        : []),
    ],
    cures: added === undefined ? [] : again(container, { options: added }),
    advice,
  });
}

/** A shell that had nothing to read. */
export function nothingToRead({ container, said }: Evidence): Finding | null {
  if (container === null || container.exitCode !== 0 || said.length > 0) return null;
  const [program = "", ...rest] = container.argv;
  const isShell =
    /^(.*\/)?(ba|da|a|z|fi)?sh$/.test(program) && rest.every((word) => /^-[li]+$/.test(word));
  const isPrompt = isShell || /^(.*\/)?(python3?|node|irb|psql)$/.test(program);
  if (!isPrompt || rest.length > 1 || container.hasStdin || container.ranSeconds > 5) return null;
  return finding("no-input", `it is ${program} without anything to read, which ends at once`, {
    evidence: ["exit code 0 after no time, and no output", "it was made without --interactive"],
    cures: again(container, { options: ["-it"] }),
    advice: "or keep it running: cooper run -d IMAGE sleep infinity",
  });
}

/** It ends again and again. */
export function restartsInVain({ container }: Evidence): Finding | null {
  if (container === null || container.restarts < 2 || container.exitCode === 0) return null;
  const name = shellWords([container.name]);
  return finding(
    "restart-loop",
    `it fails each time that its restart policy starts it again: ${container.restarts} times so far`,
    {
      evidence: [`restart policy ${container.restartPolicy}`, `exit code ${container.exitCode}`],
      cures: [
        `cooper update --restart no ${name}`,
        `cooper stop ${name}`,
        `cooper logs --tail 20 ${name}`,
      ],
      advice: "that ends the loop and shows what it said; then mend the first cause",
    },
  );
}

/** Its health check fails. */
export function isUnhealthy({ container }: Evidence): Finding | null {
  const health = container?.health;
  if (!container || !health || health.status !== "unhealthy") return null;
  const [last = ""] = health.output.trim().split("\n").slice(-1);
  const name = shellWords([container.name]);
  const missing = health.exitCode === 127 || health.exitCode === 126;
  return finding(
    missing ? "health-command" : "unhealthy",
    missing
      ? `its health check cannot be run: ${health.command}`
      : `its health check has failed ${health.failures} times in a row: ${health.command}`,
    {
      evidence: [`the check exited with ${health.exitCode}`, ...(last === "" ? [] : [last])],
      cures: [`cooper healthcheck run ${name}`, `cooper logs --tail 20 ${name}`],
      advice: missing
        ? "choose a check that the image has the program for, with --health-cmd"
        : "that runs the check now, and shows what the container says",
    },
  );
}
