/**
 * What git is started with. Pure. It sees nothing of our environment but what is named here: no GIT_* of the
 * caller's, no hooks, no transports that run programs, and, unless the caller typed the address, none of his keys
 * and settings.
 */
import type { GitRemote } from "./git-address.ts";

/** How far a repository is trusted with what belongs to the caller. */
export interface GitAccess {
  /** The caller typed the address: his git settings, SSH keys and agent may be used for that host. */
  readonly isOwn: boolean;
  /** The socket of an SSH agent; null: none. */
  readonly agent: string | null;
  /** The value of the header Authorization; null: none. */
  readonly authorization: string | null;
  /** Whether somebody sits at a terminal and may be asked. */
  readonly mayAsk: boolean;
}

/** What of our own environment and home counts. */
export interface GitSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Files of ~/.ssh that are there: `config`, `id_ed25519`… */
  readonly sshFiles: readonly string[];
}

/** Settings that hold whatever else is said: nothing of the repository's is executed. */
export const gitSettings = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.logAllRefUpdates=false",
  "core.symlinks=true",
  "core.autocrlf=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "init.defaultBranch=master",
  "fetch.recurseSubmodules=no",
  "submodule.recurse=false",
  "advice.detachedHead=false",
  "http.lowSpeedLimit=1000",
  "http.lowSpeedTime=60",
].flatMap((setting) => ["-c", setting]);

const passedOn = [
  "PATH",
  "http_proxy",
  "https_proxy",
  "HTTPS_PROXY",
  "all_proxy",
  "ALL_PROXY",
  "no_proxy",
  "NO_PROXY",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  // git asks whether a local repository belongs to whom sudo was called by
  "SUDO_UID",
];

/** For what only looks at what has been fetched. */
export function localGitEnv({ env, home }: GitSurroundings): Record<string, string> {
  const kept = Object.fromEntries(
    passedOn.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  );
  return {
    ...kept,
    HOME: home,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    GIT_ALLOW_PROTOCOL: "none",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_LFS_SKIP_SMUDGE: "1",
  };
}

/** For what talks to a remote. */
export function remoteGitEnv(
  remote: GitRemote,
  access: GitAccess,
  around: GitSurroundings,
): Record<string, string> {
  const { isOwn, authorization, mayAsk } = access;
  const result = localGitEnv(around);
  result.GIT_ALLOW_PROTOCOL = remote.protocol;
  if (isOwn) {
    for (const name of ["GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL"]) delete result[name];
    for (const name of ["XDG_CONFIG_HOME", "TERM"])
      if (around.env[name] !== undefined) result[name] = around.env[name] ?? "";
    if (mayAsk) Object.assign(result, { GIT_TERMINAL_PROMPT: "1" });
  }
  if (remote.protocol === "ssh")
    result.GIT_SSH_COMMAND = sshCommand(access, around)
      .map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
      .join(" ");
  if (authorization !== null && /^https?$/.test(remote.protocol)) {
    // by the environment, which others cannot read as they can arguments
    const settings = [
      [`http.${remote.protocol}://${remote.host}/.extraHeader`, `Authorization: ${authorization}`],
      // git sends such a header to wherever it is redirected
      ["http.followRedirects", "false"],
    ] as const;
    result.GIT_CONFIG_COUNT = `${settings.length}`;
    for (const [index, [key, value]] of settings.entries()) {
      result[`GIT_CONFIG_KEY_${index}`] = key;
      result[`GIT_CONFIG_VALUE_${index}`] = value;
    }
  }
  return result;
}

/**
 * ssh looks for its files in the home of the user whose number it runs under, which within a user namespace is
 * root's: so they are named.
 */
function sshCommand({ isOwn, agent, mayAsk }: GitAccess, { home, sshFiles }: GitSurroundings) {
  const options = (...all: string[]) => all.flatMap((option) => ["-o", option]);
  const files = isOwn ? sshFiles : [];
  const keys = files.filter((name) => name.startsWith("id_"));
  return [
    "ssh",
    "-F",
    files.includes("config") ? `${home}/.ssh/config` : "none",
    ...options(
      `UserKnownHostsFile=${home}/.ssh/known_hosts`,
      `IdentityAgent=${agent ?? "none"}`,
      ...(isOwn ? keys.map((name) => `IdentityFile=${home}/.ssh/${name}`) : ["IdentityFile=none"]),
      `BatchMode=${isOwn && mayAsk ? "no" : "yes"}`,
      `StrictHostKeyChecking=${isOwn && mayAsk ? "ask" : "yes"}`,
      "ForwardAgent=no",
      "PermitLocalCommand=no",
      "ConnectTimeout=30",
      "ServerAliveInterval=15",
    ),
  ];
}

/** Secrets that authorize at a host, by their names in BuildKit: those for one host go first. */
export function authSecrets(
  host: string,
): readonly { readonly id: string; readonly isToken: boolean }[] {
  return [
    { id: `GIT_AUTH_HEADER.${host}`, isToken: false },
    { id: `GIT_AUTH_TOKEN.${host}`, isToken: true },
    { id: "GIT_AUTH_HEADER", isToken: false },
    { id: "GIT_AUTH_TOKEN", isToken: true },
  ];
}

/** The header's value for `user:password`, as for a token (which stands in the place of a password). */
export const basicAuthorization = (credentials: string) =>
  `basic ${Buffer.from(credentials).toString("base64")}`;
