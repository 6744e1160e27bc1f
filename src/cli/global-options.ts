/** The options that stand before the command. */
import {
  flagSwitch,
  integer,
  listOf,
  type Option,
  oneOf,
  path,
  string,
  type ValueType,
} from "../option.ts";
import type { GlobalOptions } from "./command.ts";

/** A part of what is typed about an engine elsewhere. */
function remote<T>(
  flag: `--${string}`,
  type: ValueType<T>,
  help: string,
  apply: (remote: GlobalOptions["remote"], value: T) => void,
  more: Partial<Option<T, GlobalOptions>> = {},
) {
  return declare(flag, type, help, (target, value) => apply(target.remote, value), more);
}

const engineUrl = { ...string, placeholder: "URL" };
const file = { ...path, placeholder: "FILE" };

/** Two URLs, or two names, would be two engines. */
function once<T>(before: T | null, value: T): T {
  if (before !== null) throw new Error("only one engine can be asked");
  return value;
}

function declare<T>(
  flag: `--${string}`,
  type: ValueType<T>,
  help: string,
  apply?: (target: GlobalOptions, value: T) => void,
  more: Partial<Option<T, GlobalOptions>> = {},
): Option<unknown, GlobalOptions> {
  return { flag, type, help, ...(apply !== undefined && { apply }), ...more } as Option<
    unknown,
    GlobalOptions
  >;
}

function refused(flag: `--${string}`, type: ValueType<unknown>, help: string, refuse: string) {
  return declare(flag, type, help, undefined, {
    refuse,
    // off is what holds anyway, so `--remote=false` is no reason to refuse
    ...(type.isSwitch && { defaultText: "false" }),
  });
}

/** In the order of `cooper --help`. */
export const globalOptions: readonly Option<unknown, GlobalOptions>[] = [
  declare(
    "--root",
    path,
    "Directory of the store: images, containers, volumes",
    (target, value) => {
      target.root = value;
    },
  ),
  declare("--runroot", path, "Directory for what is gone after a reboot", (target, value) => {
    target.runRoot = value;
  }),
  declare("--runtime", string, "OCI runtime: crun, runc or a path", (target, value) => {
    target.runtime = value;
  }),
  declare(
    "--runtime-flag",
    listOf(string),
    "Flag for the OCI runtime, without its leading dashes",
    (target, value) => {
      target.runtimeFlags.push(value);
    },
  ),
  declare(
    "--cgroup-manager",
    oneOf("systemd", "cgroupfs"),
    "Who makes control groups",
    (target, value) => {
      target.cgroupManager = value;
    },
  ),
  declare("--conmon", path, "The monitor program", (target, value) => {
    target.conmon = value;
  }),
  declare(
    "--storage-driver",
    oneOf("overlay", "fuse-overlayfs", "vfs"),
    "How layers are put together; vfs copies them",
    (target, value) => {
      target.storageDriver = value;
    },
  ),
  declare(
    "--log-level",
    oneOf("trace", "debug", "info", "warn", "warning", "error", "fatal", "panic"),
    "What is told besides results: debug shows causes",
    (target, value) => {
      target.logLevel = value === "warning" ? "warn" : value;
    },
    { short: "-l", defaultText: "warn" },
  ),
  declare(
    "--debug",
    flagSwitch,
    "Same as --log-level debug",
    (target, value) => {
      if (value) target.logLevel = "debug";
    },
    { short: "-D" },
  ),
  declare("--version", flagSwitch, "Show the version", undefined, { short: "-v" }),
  declare(
    "--cdi-spec-dir",
    listOf({ ...path, completes: "directory" }),
    "Directory of CDI device specs, instead of those configured",
    (target, value) => {
      target.cdiSpecDirectories.push(value);
    },
  ),
  declare(
    "--config",
    { ...path, completes: "directory", placeholder: "DIR" },
    "Directory of docker's client configuration, with its contexts",
    (target, value) => {
      target.configDirectory = value;
    },
    { defaultText: "~/.docker" },
  ),
  remote(
    "--connection",
    { ...string, placeholder: "NAME" },
    "Ask the engine of a connection or context",
    (target, value) => {
      target.name = once(target.name, { text: value, of: "connection" });
    },
    { short: "-c" },
  ),
  remote(
    "--context",
    { ...string, placeholder: "NAME" },
    "Ask the engine of a context; default: that of this machine",
    (target, value) => {
      target.name = once(target.name, { text: value, of: "context" });
    },
  ),
  refused(
    "--events-backend",
    string,
    "Where events are kept",
    'they are kept in a file of the store; events_logger = "none" in containers.conf keeps none',
  ),
  declare(
    "--hooks-dir",
    listOf({ ...path, completes: "directory" }),
    "Directory of OCI hooks, instead of those configured",
    (target, value) => {
      target.hooksDirectories.push(value);
    },
  ),
  remote(
    "--host",
    listOf(engineUrl),
    "Ask another engine: unix://, tcp:// or ssh://",
    (target, value) => {
      target.url = once(target.url, value);
    },
    { short: "-H", aliases: ["--url"] },
  ),
  remote("--identity", file, "Key for ssh://", (target, value) => {
    target.identity = value;
  }),
  refused(
    "--imagestore",
    path,
    "A second directory for images",
    "images and containers share one store",
  ),
  declare(
    "--module",
    listOf({ ...string, placeholder: "NAME" }),
    "Read a module of containers.conf too",
    (target, value) => {
      target.modules.push(value);
    },
  ),
  refused(
    "--network-config-dir",
    path,
    "Directory of network definitions",
    "networks are kept in the store's database: see cooper network ls",
  ),
  refused("--out", path, "File for the output", "redirect the output instead: > FILE"),
  remote(
    "--remote",
    flagSwitch,
    "Ask the default connection or context; false: this machine's engine",
    (target, value) => {
      target.isRemote = value;
    },
    { short: "-r" },
  ),
  declare("--ssh", oneOf("native", "golang"), "How ssh:// is spoken", undefined, {
    ignored: "it is always the program ssh",
  }),
  refused(
    "--storage-opt",
    listOf(string),
    "Options of the storage driver",
    "the storage drivers here take none",
  ),
  refused("--syslog", flagSwitch, "Log to syslog", "Cooper does not log to syslog"),
  remote("--tls", flagSwitch, "Use TLS, whoever answers", (target, value) => {
    target.tls.isOn = value;
  }),
  remote("--tlsverify", flagSwitch, "Use TLS, and check who answers", (target, value) => {
    target.tls.verifies = value;
  }),
  remote(
    "--tlscacert",
    file,
    "TLS: authority that its certificate is from",
    (target, value) => {
      target.tls.ca = value;
    },
    { aliases: ["--tls-ca"] },
  ),
  remote(
    "--tlscert",
    file,
    "TLS: certificate to show",
    (target, value) => {
      target.tls.certificate = value;
    },
    { aliases: ["--tls-cert"] },
  ),
  remote(
    "--tlskey",
    file,
    "TLS: key of that certificate",
    (target, value) => {
      target.tls.key = value;
    },
    { aliases: ["--tls-key"] },
  ),
  refused("--tls-details", string, "How TLS is set up", "TLS 1.2 and later are spoken as they are"),
  refused("--tmpdir", path, "Directory for temporary state", "use --runroot"),
  refused(
    "--transient-store",
    flagSwitch,
    "Keep containers only until the next boot",
    "a store is never transient here",
  ),
  refused("--volumepath", path, "Directory of volumes", "volumes are kept below --root"),
  declare("--max-workers", integer, "Parallel work", undefined, {
    isHidden: true,
    refuse: "Cooper decides by itself",
  }),
];

/** Nothing given. */
export function emptyGlobalOptions(): GlobalOptions {
  return {
    root: null,
    runRoot: null,
    runtime: null,
    runtimeFlags: [],
    cgroupManager: null,
    storageDriver: null,
    storageOptions: [],
    conmon: null,
    hooksDirectories: [],
    logLevel: "warn",
    tmpDirectory: null,
    volumePath: null,
    eventsBackend: null,
    configDirectory: null,
    cdiSpecDirectories: [],
    modules: [],
    remote: {
      url: null,
      name: null,
      isRemote: null,
      identity: null,
      tls: { ca: null, certificate: null, key: null, verifies: null, isOn: null },
    },
  };
}
