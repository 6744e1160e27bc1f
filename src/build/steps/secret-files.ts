/** `RUN --mount=type=secret`: bytes that a command sees, in a file that is in memory alone and gone with the step. */
import { chmodSync, lchownSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Mount } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { stageLock } from "../../image/stage.ts";
import { tryLock } from "../../system/lock.ts";
import { randomHex } from "../../system/random.ts";
import type { StepMount } from "../graph.ts";
import type { BuildSession } from "../session.ts";
import { bind } from "./bind.ts";

type SecretMount = Extract<StepMount, { kind: "secret" | "ssh" }>;

/** The secrets of one command. They are named after the build's stage, whose lock tells whether it lives. */
export class SecretFiles implements Disposable {
  private readonly session: BuildSession;
  private readonly directory: string;
  private count = 0;

  constructor(session: BuildSession) {
    this.session = session;
    const stage = basename(session.stage.directory);
    this.directory = join(session.host.paths.buildSecrets, `${stage}-${randomHex(4)}`);
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** How a command gets to see one; undefined when there is none, and none is needed. */
  async show(
    mount: SecretMount,
  ): Promise<{ readonly mount?: Mount; readonly env: readonly string[] } | undefined> {
    const { secrets, findSecret } = this.session.options;
    const secret = secrets.find(({ id }) => id === mount.id);
    const bytes = await (secret === undefined ? findSecret?.(mount.id) : secret.read());
    if (bytes === undefined) {
      if (!mount.isRequired) return undefined;
      throw new CooperError("invalid-argument", `secret ${mount.id}: not found`, {
        hint: `hand it over: cooper build --secret id=${mount.id},src=FILE`,
      });
    }
    const env = mount.env === null ? [] : [`${mount.env}=${Buffer.from(bytes).toString()}`];
    if (mount.env !== null && mount.target === null) return { env };
    const file = join(this.directory, `${this.count++}`);
    writeFileSync(file, bytes, { mode: 0o400 });
    lchownSync(file, mount.uid, mount.gid);
    chmodSync(file, mount.mode);
    const target = mount.target ?? `/run/secrets/${mount.id}`;
    return { mount: { ...bind(file, target), readOnly: true }, env };
  }
}

/** Takes away what builds left that were killed. */
export function sweepSecrets(host: Host): void {
  for (const name of namesIn(host.paths.buildSecrets)) {
    const stage = join(host.paths.staging, name.replace(/-[0-9a-f]*$/, ""));
    using held = tryLock(stageLock(stage), "exclusive");
    if (held === undefined) continue;
    rmSync(join(host.paths.buildSecrets, name), { recursive: true, force: true });
    rmSync(stageLock(stage), { force: true });
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // no build ever had any
  }
}
