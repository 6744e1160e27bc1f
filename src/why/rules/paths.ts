/** Refusals and losses of paths: whose directory denies what, and which file system is full. */
import { posix } from "node:path";
import type { ContainerFacts, Evidence, Finding, PathFacts } from "../evidence.ts";
import { nobody } from "../probe-path.ts";
import { again, modeText, shellWords, sizeWord } from "../words.ts";
import { finding, whoText } from "./who.ts";

/** The newest line that matches, and the path in it that was looked at. */
function lineAbout(
  { said, paths }: Evidence,
  pattern: RegExp,
): { line: string; path: PathFacts | null } | null {
  const line = said.findLast((text) => pattern.test(text));
  if (line === undefined) return null;
  const found = paths.filter(
    ({ path }) => line.includes(path) || line.includes(posix.basename(path)),
  );
  return { line, path: found.sort((a, b) => b.path.length - a.path.length)[0] ?? null };
}

/** The words of a bind or volume in a command line, with something done to its options. */
function editMount(
  container: ContainerFacts,
  path: PathFacts,
  edit: (word: string) => string,
): string[] {
  const target = path.mount?.target ?? "";
  const isIt = (word: string) =>
    new RegExp(`[:=]${target.replace(/[.*+?^$()[\]{}|\\]/g, "\\$&")}(?=[:,]|$)`).test(word);
  return again(container, { rewrite: (word) => (isIt(word) ? edit(word) : word) });
}

/** `Read-only file system`. */
export function readOnly(evidence: Evidence): Finding | null {
  const { container } = evidence;
  const about = lineAbout(evidence, /read-only file system/i);
  if (about === null || container === null) return null;
  const { line, path } = about;
  const mount = path?.mount;
  if (path && mount?.readOnly) {
    return finding("read-only-mount", `${mount.target} is mounted read-only`, {
      evidence: [line, `${mount.target}: ${mount.kind} ${mount.source} with ro`],
      cures: editMount(container, path, (word) =>
        word.replace(/([:,])(ro|readonly(=true)?)(?=,|$)/, (whole, before: string) =>
          before === ":" ? ":rw" : whole === ",ro" ? ",rw" : "",
        ),
      ),
    });
  }
  if (!container.isReadOnly) return null;
  const directory = path === null ? null : posix.dirname(path.path);
  const isOwnRoot = directory === "/" || directory === null;
  return finding("read-only-root", "the container's own files are read-only (--read-only)", {
    evidence: [line, "it was made with --read-only"],
    cures: isOwnRoot
      ? again(container, {
          options: ["--read-only=false"],
          without: [],
          rewrite: (word) => (word === "--read-only" ? "--read-only=false" : word),
        })
      : again(container, { options: ["--tmpfs", directory] }),
    advice: isOwnRoot ? null : `or keep what it writes: ${shellWords(["-v", `NAME:${directory}`])}`,
  });
}

/** `Permission denied` and its kin, with the path that it is about. */
export function permissionDenied(evidence: Evidence): Finding | null {
  const { container } = evidence;
  const about = lineAbout(evidence, /permission denied|EACCES|not permitted to (open|write|read)/i);
  if (about === null || container === null || about.path === null) return null;
  const { line, path } = about;
  if (/\bbind\b/.test(line)) return null; // a port, not a file
  const who = whoText(container);
  if (path.denied !== null) return cannotEnter(container, path, path.denied, line, who);
  if (
    path.kind === "file" &&
    path.mount?.options.includes("noexec") &&
    !/open|creat|write/i.test(line)
  ) {
    return finding(
      "noexec",
      `${path.path} cannot be executed: ${path.mount.target} is mounted with noexec`,
      {
        evidence: [
          line,
          `${path.mount.target}: ${path.mount.kind} with ${path.mount.options.join(",")}`,
        ],
        cures: again(container, {
          rewrite: (word) => word.replace(/(?<=[:,])noexec(?=,|$)/, "exec"),
        }),
      },
    );
  }
  return cannotUse(evidence, container, path, line, who);
}

function cannotEnter(
  container: ContainerFacts,
  path: PathFacts,
  at: NonNullable<PathFacts["denied"]>,
  line: string,
  who: string,
): Finding {
  return finding(
    "directory-denied",
    `${who} may not enter ${at.path}, on the way to ${path.path}`,
    {
      evidence: [line, `${at.path}: ${modeText("directory", at.mode, at.uid)}`],
      cures:
        at.uid === nobody
          ? ownAll(container, path)
          : again(container, { options: ["--user", `${at.uid}`], without: ["--user", "-u"] }),
      advice:
        path.mount === null
          ? `or let others enter it in the image: ${shellWords(["chmod", "o+x", at.path])}`
          : null,
    },
  );
}

/** Exists, or would be made in its directory. */
function cannotUse(
  evidence: Evidence,
  container: ContainerFacts,
  path: PathFacts,
  line: string,
  who: string,
): Finding | null {
  const parent = evidence.paths.find(({ path: other }) => other === posix.dirname(path.path));
  const subject = path.kind === "missing" ? parent : path;
  if (subject === undefined || subject.kind === "missing") return null;
  if (subject.canRead && subject.canWrite) return null;
  const deed = subject.canRead ? "write to" : "read";
  const what = path.kind === "missing" ? `make files in ${subject.path}` : `${deed} ${path.path}`;
  const owner =
    subject.uid === nobody
      ? "an id that the container does not have"
      : subject.uid === 0
        ? "root"
        : `user ${subject.uid}`;
  const mode = `${subject.path}: ${modeText(subject.kind, subject.mode, subject.uid, subject.gid)}`;
  const { mount } = subject;
  const where =
    mount?.kind === "bind"
      ? ` (${mount.source} on the host)`
      : mount?.kind === "volume"
        ? ` (volume ${mount.source})`
        : "";
  return finding(
    mount === null ? "file-denied" : "mount-denied",
    `${who} may not ${what}: it belongs to ${owner}${where}`,
    {
      evidence: [line, mode],
      cures:
        mount !== null && (mount.kind === "bind" || mount.kind === "volume")
          ? ownAll(container, subject)
          : again(container, { options: ["--user", `${subject.uid}`], without: ["--user", "-u"] }),
      advice: mount !== null ? "that gives the files to the container's user (U)" : null,
    },
  );
}

/** `:U` behind a volume; what no id of the container owns is first to be given to the caller. */
function ownAll(container: ContainerFacts, path: PathFacts): string[] {
  const target = path.mount?.target ?? "";
  if (path.uid === nobody && container.isRootless && path.mount?.kind === "bind") {
    const given = `sudo chown -R "$(id -u):$(id -g)" ${shellWords([path.mount.source])}`;
    return [
      given,
      ...(container.user.uid === 0 ? again(container, {}) : editMount(container, path, owned)),
    ];
  }
  return editMount(container, path, owned);

  function owned(word: string): string {
    if (/^(type=|--mount=)/.test(word)) return `${word},U=true`;
    return word.endsWith(target) ? `${word}:U` : `${word},U`;
  }
}

/** `No space left on device`: which one. */
export function noSpace(evidence: Evidence): Finding | null {
  const { container } = evidence;
  const about = lineAbout(evidence, /no space left on device|ENOSPC|disk quota exceeded|EDQUOT/i);
  if (about === null || container === null) return null;
  const { line, path } = about;
  if (/inotify|watch/i.test(line)) return null;
  if (path?.path.startsWith("/dev/shm") || (path === null && /\bshm/.test(line))) {
    return finding("shm-full", `/dev/shm is full: it has ${sizeWord(container.shmBytes)}`, {
      evidence: [line],
      cures: again(container, {
        options: ["--shm-size", sizeWord(container.shmBytes * 32)],
        without: ["--shm-size"],
      }),
    });
  }
  const mount = path?.mount;
  const size = mount?.options.find((option) => option.startsWith("size="));
  if (mount && size !== undefined) {
    return finding("tmpfs-full", `${mount.target} is full: it is a ${mount.kind} with ${size}`, {
      evidence: [line, `${mount.target}: ${mount.options.join(",")}`],
      cures: again(container, {
        rewrite: (word) => (word.includes(mount.target) ? word.replace(size, "size=1g") : word),
      }),
    });
  }
  if (mount) {
    const what = mount.source === "" ? mount.kind : `${mount.kind} ${mount.source}`;
    return finding("mount-full", `the file system of ${mount.target} is full (${what})`, {
      evidence: [line],
      cures:
        mount.kind === "bind" ? [shellWords(["df", "-h", mount.source])] : ["cooper system df"],
      advice: "free space there",
    });
  }
  return finding(
    "store-full",
    "the file system of the store is full, which the container's own files are on",
    {
      evidence: [line],
      cures: ["cooper system df", "cooper system prune --force"],
    },
  );
}

/** A file that the program looked for. */
export function missingFile(evidence: Evidence): Finding | null {
  const { container } = evidence;
  const about = lineAbout(
    evidence,
    /no such file or directory|ENOENT|FileNotFound|cannot find|can't open/i,
  );
  if (about === null || container === null || about.path === null) return null;
  const { line, path } = about;
  if (path.kind !== "missing" || /shared librar|exec |not found \(/i.test(line)) return null;
  if (/^\/dev\//.test(path.path)) {
    return finding("device-missing", `the container has no device ${path.path}`, {
      evidence: [line],
      cures: again(container, { options: ["--device", path.path] }),
    });
  }
  const what = path.missing === null ? path.path : `${path.missing}, on the way to ${path.path}`;
  return finding("file-missing", `there is no ${what} in the container`, {
    evidence: [line, `${path.missing ?? path.path} does not exist`],
    advice:
      path.mount?.kind === "bind"
        ? `put it into ${path.mount.source} on the host, which is mounted on ${path.mount.target}`
        : `mount it with ${shellWords(["-v", `FILE:${path.path}`])}, or have it in the image`,
  });
}
