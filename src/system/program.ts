/** Where helper programs are: found once, and never in a directory that others may write to. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";

/** Beyond PATH: where distributions put what only engines call. */
const alsoHere = [
  "/usr/local/libexec/podman",
  "/usr/libexec/podman",
  "/usr/lib/podman",
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
];

let configured: readonly string[] = [];

/** Where to look before anywhere else (containers.conf, `helper_binaries_dir`). */
export function searchFirst(directories: readonly string[]): void {
  configured = directories;
  found.clear();
}

const packages: Record<string, string> = {
  conmon: "conmon",
  crun: "crun",
  runc: "runc",
  catatonit: "catatonit",
  nsenter: "util-linux",
  unshare: "util-linux",
  setsid: "util-linux",
  "fuse-overlayfs": "fuse-overlayfs",
  newuidmap: "uidmap",
  newgidmap: "uidmap",
  gpg: "gpg",
  git: "git",
  ssh: "openssh-client",
  "ssh-add": "openssh-client",
  "ssh-agent": "openssh-client",
  systemctl: "systemd",
  skopeo: "skopeo",
  ip: "iproute2",
  bridge: "iproute2",
  nft: "nftables",
  "iptables-save": "iptables",
  "iptables-restore": "iptables",
  "ip6tables-save": "iptables",
  "ip6tables-restore": "iptables",
  pasta: "passt",
  su: "util-linux",
  sudo: "sudo",
  slirp4netns: "slirp4netns",
  "aardvark-dns": "aardvark-dns",
};

const found = new Map<string, string | undefined>();

/** The absolute path of a program, or undefined. */
export function findProgram(name: string): string | undefined {
  if (!found.has(name)) found.set(name, lookUp(name));
  return found.get(name);
}

/** As findProgram(); a missing one is an error that names the package to install. */
export function needProgram(name: string): string {
  const file = findProgram(name);
  if (file !== undefined) return file;
  const pack = packages[name];
  throw new CooperError("missing-helper", `${name} is not installed`, {
    ...(pack !== undefined && { hint: `apt-get install ${pack}` }),
  });
}

function lookUp(name: string): string | undefined {
  if (name.includes("/")) return isExecutable(name) ? name : undefined;
  const directories = [
    ...configured,
    ...(process.env.PATH ?? "").split(":").filter((part) => part.startsWith("/")),
    ...alsoHere,
  ];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // missing or not ours to run: either way not this one
  }
}
