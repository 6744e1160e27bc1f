/**
 * A virtual machine with what our own host has not: cgroup v2 alone, systemd as its first process, log-in
 * sessions, reboots. Its agent (`agent`) runs one command at a time, as root.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Result } from "../e2e/host.ts";

const binary = process.env.COOPER_BINARY ?? resolve(import.meta.dir, "../../dist/cooper");

/** A machine that runs; disposing it pulls the plug. */
export class Vm implements AsyncDisposable {
  private readonly directory: string;
  private readonly child: Bun.Subprocess;
  private readonly lines: LineSocket;
  /** Tells one boot from another. */
  bootId = "";

  private constructor(directory: string, child: Bun.Subprocess, lines: LineSocket) {
    this.directory = directory;
    this.child = child;
    this.lines = lines;
  }

  /** Boots one with the built binary inside; its disk is thrown away at the end. */
  static async boot(): Promise<Vm> {
    const image = Bun.spawnSync([join(import.meta.dir, "image")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (!image.success) throw new Error("cannot make the machine's disk");
    const disk = image.stdout.toString().trim();
    const directory = mkdtempSync("/tmp/cooper-vm-");
    const payload = join(directory, "binary.tar");
    Bun.spawnSync([
      "tar",
      "-C",
      resolve(binary, ".."),
      "--owner=0",
      "--mode=755",
      "-cf",
      payload,
      "cooper",
    ]);
    const socket = join(directory, "agent");
    // emulated: what is here need not have hardware for more
    const accelerator = process.env.COOPER_VM_ACCELERATOR ?? "tcg,thread=multi";
    const drive = (file: string, more: string) => [
      "-drive",
      `file=${file},format=raw,if=virtio,${more}`,
    ];
    const child = Bun.spawn(
      [
        "qemu-system-x86_64",
        ...["-machine", "q35", "-accel", accelerator, "-cpu", "max", "-smp", "2", "-m", "3G"],
        ...["-display", "none", "-nic", "none", "-serial", `file:${join(directory, "console")}`],
        ...["-kernel", join(disk, "kernel"), "-initrd", join(disk, "initrd")],
        ...["-append", "root=/dev/vda rw console=ttyS0 quiet panic=-1 mitigations=off"],
        ...drive(join(disk, "disk"), "snapshot=on,cache=unsafe"),
        ...drive(payload, "readonly=on"),
        ...drive(join(disk, "systemd.tar"), "readonly=on"),
        ...[
          "-device",
          "virtio-serial-pci",
          "-chardev",
          `socket,id=agent,path=${socket},server=on,wait=off`,
        ],
        ...["-device", "virtserialport,chardev=agent,name=cooper.test"],
      ],
      { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, TMPDIR: "/tmp" } },
    );
    const vm = new Vm(directory, child, await LineSocket.connect(socket));
    await vm.awaitBoot();
    return vm;
  }

  private async awaitBoot(): Promise<void> {
    const [word, bootId = ""] = (await this.lines.next()).split(" ");
    if (word !== "ready") throw new Error(`the agent says ${word} instead of ready`);
    this.bootId = bootId;
  }

  /** Runs a shell command as root. */
  async sh(command: string): Promise<Result> {
    this.lines.send(Buffer.from(command).toString("base64"));
    const [exitCode, stdout = "", stderr = ""] = (await this.lines.next()).split(" ");
    const text = (base64: string) => Buffer.from(base64, "base64").toString();
    return { exitCode: Number(exitCode), stdout: text(stdout), stderr: text(stderr) };
  }

  /** As a user who has logged in: with a session, XDG_RUNTIME_DIR and a bus of the user's own. */
  async as(user: string, command: string): Promise<Result> {
    return user === "root" ? this.sh(command) : this.sh(`exec su -l ${user} -c ${quoted(command)}`);
  }

  /** Output of a command that must succeed, without the last newline. */
  async must(command: string, user = "root"): Promise<string> {
    const result = await this.as(user, command);
    if (result.exitCode === 0) return result.stdout.trimEnd();
    throw new Error(
      `${user}: ${command}: exit ${result.exitCode}: ${result.stderr}${result.stdout}`,
    );
  }

  /** Reboots: by systemd, which ends all processes, or as after a power failure. */
  async reboot(way: "orderly" | "power"): Promise<void> {
    const command = way === "orderly" ? "systemctl reboot" : "sync; echo b > /proc/sysrq-trigger";
    this.lines.send(Buffer.from(command).toString("base64"));
    // its answer, and whatever else was on its way, comes before the next greeting
    for (;;) {
      const [word, bootId = ""] = (await this.lines.next()).split(" ");
      if (word !== "ready" || bootId === this.bootId) continue;
      this.bootId = bootId;
      return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.lines.close();
    this.child.kill("SIGKILL");
    await this.child.exited;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** One word for the shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Lines over a Unix socket. */
class LineSocket {
  private readonly received: string[] = [];
  private partial = "";
  private wake: () => void = () => undefined;
  private socket: Bun.Socket | undefined;

  /** Waits for the socket to be there: the machine has just been started. */
  static async connect(path: string): Promise<LineSocket> {
    const lines = new LineSocket();
    for (let attempt = 0; ; attempt++) {
      try {
        lines.socket = await Bun.connect({
          unix: path,
          socket: { data: (_, bytes) => lines.take(bytes.toString()) },
        });
        return lines;
      } catch (error) {
        if (attempt >= 100) throw error;
        await Bun.sleep(50);
      }
    }
  }

  private take(text: string): void {
    const parts = (this.partial + text).split("\n");
    this.partial = parts.pop() ?? "";
    this.received.push(...parts);
    this.wake();
  }

  async next(): Promise<string> {
    for (;;) {
      const line = this.received.shift();
      if (line !== undefined) return line;
      await new Promise<void>((resume) => {
        this.wake = resume;
      });
    }
  }

  send(line: string): void {
    this.socket?.write(`${line}\n`);
  }

  close(): void {
    this.socket?.end();
  }
}
