/** What mends errors of commands: a table of their words, and one of kinds of system calls that fail. */
import type { ErrorFacts, Finding } from "../evidence.ts";
import { shellWords } from "../words.ts";
import { registryErrors } from "./error-registry.ts";
import {
  type ErrorRule,
  lacking,
  lackingValue,
  meant,
  onStore,
  replaceValue,
  same,
} from "./error-rule.ts";
import { finding } from "./who.ts";

/** Rows in the order in which they are tried. */
const errorRules: readonly ErrorRule[] = [
  ...registryErrors,
  {
    id: "no-container",
    pattern: /no such container: (\S+)/i,
    cures: ([, name = ""], facts) =>
      meant(facts, name).concat(facts.similar.length > 0 ? [] : [onStore(facts, "ps", "--all")]),
  },
  {
    id: "no-image",
    pattern: /no such image: (\S+)/i,
    cures: ([, name = ""], facts) =>
      meant(facts, name).concat(facts.similar.length > 0 ? [] : [onStore(facts, "images")]),
  },
  {
    id: "no-volume",
    pattern: /no such volume: (\S+)/i,
    cures: ([, name = ""], facts) =>
      meant(facts, name).concat(facts.similar.length > 0 ? [] : [onStore(facts, "volume", "ls")]),
  },
  {
    id: "no-secret",
    pattern: /no such secret: (\S+)/i,
    cures: ([, name = ""], facts) =>
      meant(facts, name).concat(facts.similar.length > 0 ? [] : [onStore(facts, "secret", "ls")]),
  },
  {
    id: "no-network",
    pattern: /network (\S+) not found/i,
    cures: ([, name = ""], facts) =>
      facts.similar.length > 0
        ? facts.words.includes(name)
          ? meant(facts, name)
          : [onStore(facts, "network", "ls")]
        : facts.words.includes("rm")
          ? [onStore(facts, "network", "ls")]
          : [onStore(facts, "network", "create", name)],
  },
  {
    id: "program",
    pattern:
      /cannot run "([^"]+)": .*(?:one is called "([^"]+)"|the image has it as (\S+)|it is in (\S+), which)/,
    when: ({ words }, [, asked = ""]) => words.includes("exec") && words.includes(asked),
    cures: ([, asked = "", similar, elsewhere, directory], facts) => {
      const before = asked.slice(0, asked.lastIndexOf("/") + 1);
      const found =
        similar !== undefined ? `${before}${similar}` : (elsewhere ?? `${directory}/${asked}`);
      return same(facts, (word) => (word === asked ? found : word));
    },
  },
  {
    id: "no-object",
    pattern: /no such object: (\S+)/,
    cures: ([, name = ""], facts) =>
      facts.similar.length > 0
        ? meant(facts, name)
        : [onStore(facts, "ps", "--all"), onStore(facts, "images")],
  },
  {
    id: "own-network",
    pattern: /(?:without|need) a network of the container's own/,
    cures: (_, facts) => lacking(facts, "--network", "--net"),
  },
  {
    id: "no-space",
    pattern: /no space left|ENOSPC/i,
    cause: (_, { message, errno }) => (errno === "ENOSPC" ? `no space left: ${message}` : null),
    cures: (_, facts) => [
      onStore(facts, "system", "df"),
      onStore(facts, "system", "prune", "--force"),
    ],
  },
  {
    id: "quota",
    pattern: /EDQUOT|disk quota exceeded/i,
    cause: ([text], { message }) =>
      /key/i.test(message)
        ? "the kernel's quota of keys is used up: each container takes one"
        : `${text}: your share of the disk is used up`,
    cures: (_, { message }) =>
      /key/i.test(message) ? ["sudo sysctl kernel.keys.maxkeys=20000"] : ["quota -s"],
  },
  {
    id: "store-is-file",
    pattern: /(?:EEXIST|ENOTDIR): [^,]+, (?:mkdir|open|stat|lstat) '([^']+)'/,
    when: ({ store }, [, path = ""]) =>
      isWithin(store?.root, path) ||
      isWithin(store?.run, path) ||
      store?.root.startsWith(path) === true,
    cause: ([, path], { store }) => `the store cannot be at ${store?.root}: ${path} is a file`,
    cures: (_, facts) => lacking(facts, "--root", "--runroot"),
  },
  {
    id: "store-denied",
    pattern:
      /(EACCES|EPERM|EROFS|ENOENT): [^,]+, (\w+) '([^']+)'|unable to open database file|readonly database/,
    when: ({ store }, [, , , path]) =>
      path === undefined || isWithin(store?.root, path) || isWithin(store?.run, path),
    cause: ([, errno, , path], { store }) =>
      `cooper may not write to ${path ?? store?.root}${errno === "EROFS" ? ": its file system is read-only" : ""}`,
    cures: ([, errno, deed, path = ""], { store, isRootless }) => {
      if (!isRootless || (errno !== "EACCES" && errno !== undefined) || store === null) return [];
      const place = shellWords([isWithin(store.run, path) ? store.run : store.root]);
      return [
        deed === "mkdir"
          ? `sudo install -d -o "$(id -u)" -g "$(id -g)" ${place}`
          : `sudo chown -R "$(id -u):$(id -g)" ${place}`,
      ];
    },
    advice: ([, errno]) =>
      errno === "EROFS"
        ? "mount it writable, or choose another place with --root"
        : "choose another place with --root and --runroot",
  },
  {
    id: "database-damaged",
    pattern: /file is not a database|database disk image is malformed|disk I\/O error/i,
    cause: (_, { store }) => `the database of the store is damaged: ${store?.root}/cooper.db`,
    cures: (_, facts) => [onStore(facts, "system", "check")],
    advice: (_, { store }) => `where that fails too: move ${store?.root} away and begin anew`,
  },
  {
    id: "database-busy",
    pattern: /database is locked/i,
    cause: () => "another cooper process holds the database for too long",
    cures: () => ["ps -ef | grep '[c]ooper'"],
    advice: () => "try again; end that process if it hangs",
  },
  {
    id: "open-files",
    pattern: /EMFILE|too many open files/i,
    when: ({ words }) => !words.some((word) => word.startsWith("--ulimit")),
    cures: () => ['ulimit -n "$(ulimit -Hn)"'],
    advice: () => "then the same again",
  },
  {
    id: "ulimit-too-low",
    pattern: /too many open files/i,
    cause: () => "the runtime cannot start with so few open files: --ulimit nofile is too low",
    cures: (_, facts) => same(facts, (word) => word.replace(/nofile=\S+/, "nofile=64")),
  },
  {
    id: "processes",
    pattern: /EAGAIN|resource temporarily unavailable|cannot allocate memory|ENOMEM/i,
    cures: () => ["ulimit -u", "free -h"],
    advice: () => "the machine, or your share of it, has no processes or no memory left",
  },
  {
    id: "hybrid-cgroups",
    pattern: /cgroups in hybrid mode not supported/,
    cause: () =>
      "crun does not work with this machine's control groups (v1 and v2 at once), and runc does",
    cures: (_, facts) => lacking(facts, "--runtime"),
  },
  {
    id: "runtime-missing",
    pattern: /^(\S+) is not installed$/,
    when: ({ words }, [, name]) =>
      words.some(
        (word, at) =>
          word === `--runtime=${name}` || (word === name && words[at - 1] === "--runtime"),
      ),
    cures: (_, facts) => lacking(facts, "--runtime"),
  },
  {
    id: "processors",
    pattern: /cpuset\.cpus: numerical result out of range|cpuset\.cpus.*invalid argument/i,
    cause: (_, { processors }) =>
      `--cpuset-cpus names processors that this machine does not have: it has 0-${processors - 1}`,
    cures: (_, facts) =>
      same(facts, (word) => word.replace(/^(--cpuset-cpus=).*/, `$10-${facts.processors - 1}`))
        .concat()
        .map((text) =>
          text.replace(/--cpuset-cpus \S+/, `--cpuset-cpus 0-${facts.processors - 1}`),
        ),
  },
  {
    id: "workdir",
    pattern: /mkdir (\/\S*): not a directory|chdir to cwd \("([^"]+)"\)/,
    cause: ([, a, b]) => `the working directory ${a ?? b} is no directory in the container`,
    cures: (_, facts) => lacking(facts, "--workdir", "-w"),
  },
  {
    id: "mount-kinds",
    pattern: /error mounting "([^"]+)" to rootfs at "([^"]+)".*not a directory/,
    cause: ([, source, target]) =>
      `cannot mount ${source} on ${target}: one is a directory and the other a file`,
    advice: ([, source]) => `see what it is: ${shellWords(["ls", "-ld", source ?? ""])}`,
    cures: ([, source = ""]) => [shellWords(["ls", "-ld", source])],
  },
  {
    id: "sysctl-missing",
    pattern: /open \/proc\/sys\/(\S+): no such file/,
    cause: ([, name = ""]) =>
      `this kernel has no sysctl ${name.replaceAll("/", ".")}, or its module is not loaded`,
    cures: ([, name = ""], facts) => lackingValue(facts, "--sysctl", name.replaceAll("/", ".")),
  },
  {
    id: "sysctl-value",
    pattern: /write \/proc\/sys\/(\S+): invalid argument/,
    cause: ([, name = ""]) =>
      `the kernel does not take that value for the sysctl ${name.replaceAll("/", ".")}`,
    cures: ([, name = ""]) => [`sysctl ${shellWords([name.replaceAll("/", ".")])}`],
  },
  {
    id: "not-running",
    pattern:
      /(?:container (\S+)|attach to (\S+)): it is not running|container (\S+) is not running/,
    cures: ([, a, b, c], facts) => [onStore(facts, "start", a ?? b ?? c ?? "")],
  },
  {
    id: "no-path",
    pattern: /invalid value "([^"/:]+)" for (-v|--volume): "[^"]+" is not an absolute path/,
    cures: ([, name = ""], facts) =>
      same(facts, (word) => (word === name ? `${name}:/${name}` : word)),
    advice: () => "NAME:/PATH mounts a volume, /HOST:/PATH a directory of this machine",
  },
  {
    id: "least-memory",
    pattern: /--memory must be at least (\S+)/,
    cures: ([, least = ""], facts) => replaceValue(facts, ["--memory", "-m"], least),
  },
  {
    id: "cannot-limit",
    pattern: /(?:cannot|needs|without).*(?:limit|cgroup)|cgroup.*(?:not|denied|read-only)/i,
    when: ({ host }) => host.some(({ id }) => id === "cgroups"),
    cures: (_, { host }) => host.find(({ id }) => id === "cgroups")?.cures ?? [],
    advice: (_, { host }) => host.find(({ id }) => id === "cgroups")?.cause ?? null,
  },
  {
    // the kernel's own no: ids that are few, or cannot be mapped, come after it
    id: "user-namespace",
    pattern: /cannot make a user namespace: .*unshare failed/,
    when: ({ host }) => !host.some(({ id }) => id === "user-namespaces"),
    advice: () => withinContainer,
  },
  {
    id: "user-namespace",
    pattern: /user namespace|map ids|newuidmap|newgidmap/i,
    when: ({ host }) => host.some(isAboutIds),
    cures: (_, { host }) => host.find(isAboutIds)?.cures ?? [],
    advice: (_, { host }) => host.find(isAboutIds)?.cause ?? null,
  },
  {
    id: "user-namespace",
    pattern: /cannot make a user namespace/,
    advice: () => withinContainer,
  },
  {
    id: "helper-missing",
    pattern: /ENOENT: no such file or directory, (?:open|posix_spawn|spawn|uv_spawn) '([^']*)'/,
    when: ({ words }, [, path = ""]) =>
      words.includes(`--conmon=${path}`) || (words.includes("--conmon") && words.includes(path)),
    cause: ([, path]) => `there is no ${path}`,
    cures: (_, facts) => lacking(facts, "--conmon"),
  },
  {
    id: "bind-missing",
    pattern: /mount bind (\S+) on (\S+): ENOENT/,
    cause: ([, source]) => `there is no ${source} on this machine`,
    cures: ([, source = ""]) => [shellWords(["ls", "-ld", source.replace(/\/[^/]*$/, "") || "/"])],
  },
  {
    id: "file-missing",
    pattern:
      /(?:no such file: |invalid value ")(\/[^"\n]*)(?:" for (\S+): there is no such file)?$/m,
    cures: ([, path = ""]) => [shellWords(["ls", "-l", path.replace(/\/[^/]*$/, "") || "/"])],
    advice: () => "that shows what is there",
  },
  {
    id: "file-denied",
    pattern: /permission denied: (\S+)|EACCES: permission denied, \w+ '([^']+)'/,
    cures: ([, a, b]) => [shellWords(["ls", "-ld", a ?? b ?? ""])],
    advice: (_, { user }) => `that shows who may: you are ${user}`,
  },
  {
    id: "no-device",
    pattern: /no such device: (\S+)/,
    cures: ([, path = ""]) => [shellWords(["ls", "-l", path.replace(/\/[^/]*$/, "") || "/"])],
    advice: () => "a device that is missing may need its kernel module: sudo modprobe NAME",
  },
  {
    id: "not-an-archive",
    pattern: /this is no tar, or it is damaged|the tar ends within an entry/,
    cures: (_, { words }) => {
      const at = words.findIndex((word) => word === "-i" || word === "--input");
      return at < 0 ? [] : [shellWords(["file", words[at + 1] ?? ""])];
    },
    advice: () =>
      "make it anew with: cooper save or docker save; a tar of files is taken by cooper import",
  },
  {
    id: "configuration-variable",
    pattern: /^(CONTAINERS_\w+|XDG_\w+|DOCKER_\w+|REGISTRY_\w+) names (\S+), which does not exist/,
    cures: ([, name = ""]) => [`unset ${name}`],
  },
  {
    id: "configuration",
    pattern: /^(\/\S+) is not valid (TOML|JSON)/,
    cures: ([, file = ""]) => [shellWords(["grep", "-n", "", file])],
    advice: () => "what is at fault stands behind the colon; a key is written as key = value",
  },
  {
    id: "seccomp-profile",
    pattern: /cannot use the seccomp profile (\S+):/,
    cures: (_, facts) => lackingValue(facts, "--security-opt", "seccomp"),
    advice: () => "or name a profile that is there",
  },
  {
    id: "no-health-check",
    pattern: /container (\S+) has no health check/,
    advice: ([, name]) =>
      `make it anew with --health-cmd, or with an image that has a HEALTHCHECK: cooper inspect ${name} shows its image`,
  },
  {
    id: "no-port",
    pattern: /no public port '(\S+)' published for (\S+)/,
    cures: ([, , name = ""], facts) => [onStore(facts, "port", name)],
    advice: () => "that shows those that are; others are published with -p when it is made",
  },
  {
    id: "bug",
    pattern: /bug in cooper/i,
    advice: () => "please report it, with what --log-level debug says",
  },
];

const withinContainer =
  "within a container, that must allow unshare(CLONE_NEWUSER), as with --security-opt seccomp=unconfined";

const isAboutIds = ({ id }: Finding) =>
  ["user-namespaces", "subordinate-ids", "id-mappers"].includes(id);

function isWithin(directory: string | undefined, path: string): boolean {
  return directory !== undefined && (path === directory || path.startsWith(`${directory}/`));
}

/** What is known of an error of a command; null: nothing. */
export function errorFinding(facts: ErrorFacts): Finding | null {
  const text = [facts.message, ...facts.causes].join("\n");
  for (const rule of errorRules) {
    const match = rule.pattern.exec(text);
    if (match === null || rule.when?.(facts, match) === false) continue;
    return finding(rule.id, rule.cause?.(match, facts) ?? facts.message, {
      evidence: [...new Set(facts.causes)].filter((cause) => cause !== facts.message).slice(0, 2),
      cures: rule.cures?.(match, facts) ?? [],
      advice: rule.advice?.(match, facts) ?? null,
    });
  }
  return null;
}
