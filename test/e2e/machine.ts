/**
 * A machine of a test's own: a network namespace with a way out, which leads to a neighbour, another
 * network namespace. So root's bridges and firewall never touch the machine that runs the tests, and
 * "from another host" can be tried.
 */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Addresses of the two ends of the cable. */
export const machineAddress = { ipv4: "10.231.0.1", ipv6: "fd31::1" };
export const neighbourAddress = { ipv4: "10.231.0.2", ipv6: "fd31::2" };

function must(...argv: string[]): void {
  const { success, stderr } = Bun.spawnSync(argv, { stdio: ["ignore", "ignore", "pipe"] });
  if (!success) throw new Error(`${argv.join(" ")}: ${stderr}`);
}

export class Machine implements Disposable {
  private readonly netns: string;
  private readonly neighbour: string;
  private readonly tun: string;

  constructor(directory: string) {
    this.netns = join(directory, "machine");
    this.neighbour = join(directory, "neighbour");
    this.tun = join(directory, "tun");
    for (const file of [this.netns, this.neighbour]) {
      writeFileSync(file, "");
      must("unshare", `--net=${file}`, "ip", "link", "set", "lo", "up");
    }
    must("mknod", this.tun, "c", "10", "200");
    chmodSync(this.tun, 0o666);
    const batch = (netns: string, lines: readonly string[]) => {
      const file = join(directory, "links");
      writeFileSync(file, `${lines.join("\n")}\n`);
      must("nsenter", `--net=${netns}`, "ip", "-batch", file);
    };
    batch(this.netns, [
      `link add eth0 type veth peer name eth0 netns ${this.neighbour}`,
      `address add ${machineAddress.ipv4}/24 dev eth0`,
      `address add ${machineAddress.ipv6}/64 dev eth0 nodad`,
      "link set eth0 up",
    ]);
    batch(this.neighbour, [
      `address add ${neighbourAddress.ipv4}/24 dev eth0`,
      `address add ${neighbourAddress.ipv6}/64 dev eth0 nodad`,
      "link set eth0 up",
    ]);
    batch(this.netns, [
      `route add 0.0.0.0/0 via ${neighbourAddress.ipv4}`,
      `route add ::/0 via ${neighbourAddress.ipv6}`,
    ]);
  }

  /** Words that run a program on the machine. */
  words(...argv: string[]): string[] {
    return ["nsenter", `--net=${this.netns}`, "--", ...argv];
  }

  /** As words(), with a /dev/net/tun that everybody may open, whatever it is on the real one. */
  wordsWithTun(...argv: string[]): string[] {
    const script = 'mount --bind "$0" /dev/net/tun && exec "$@"';
    return this.words("unshare", "--mount", "--", "sh", "-c", script, this.tun, ...argv);
  }

  /** Words that run a program on the other host. */
  wordsOnNeighbour(...argv: string[]): string[] {
    return ["nsenter", `--net=${this.neighbour}`, "--", ...argv];
  }

  /** Whether a line of mountinfo is one of its own. */
  owns(mount: string): boolean {
    return mount.includes(`${this.netns} `) || mount.includes(`${this.neighbour} `);
  }

  [Symbol.dispose](): void {
    for (const file of [this.netns, this.neighbour]) Bun.spawnSync(["umount", file]);
  }
}

/** Asks a web server until it is up; what it answered, or why it did not. */
export async function fetchFrom(words: readonly string[], url: string): Promise<string> {
  const argv = [...words, "timeout", "5", "busybox", "wget", "-q", "-O", "-", url];
  for (let attempt = 0; ; attempt++) {
    const child = Bun.spawn(argv, { stdio: ["ignore", "pipe", "pipe"] });
    const text = (await new Response(child.stdout).text()).trim();
    if ((await child.exited) === 0) return text;
    if (attempt === 50) return (await new Response(child.stderr).text()) || "no answer";
    await Bun.sleep(50);
  }
}
