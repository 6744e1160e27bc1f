/**
 * Simple signatures (containers-signature(5)): the payload as an OpenPGP message. gpg(1) does the
 * cryptography, in a directory of its own that holds nothing but the keys that the policy names: what
 * the user trusts otherwise plays no part, and nothing is asked of the network or an agent.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../../errors.ts";
import { needProgram } from "../../system/program.ts";

/** A signed payload is less than a KiB. */
const maxSignatureBytes = 1 << 20;
const timeoutMs = 30_000;

const isolated = [
  "--batch",
  "--no-tty",
  "--no-options",
  "--no-autostart",
  "--no-permission-warning",
  "--disable-dirmngr",
  "--no-auto-key-locate",
  "--no-auto-key-import",
  "--trust-model",
  "always",
  "--weak-digest",
  "SHA1",
];

/** gpg with a keyring of some public keys; disposing removes it. */
export class Keyring implements Disposable {
  private readonly home: string;
  private count = 0;

  /** @param place a directory of ours */
  constructor(place: string) {
    mkdirSync(place, { recursive: true, mode: 0o700 });
    this.home = mkdtempSync(join(place, "gpg-"));
    chmodSync(this.home, 0o700);
  }

  /** @throws CooperError invalid-argument when there is no key in it */
  add(keys: Uint8Array, where: string): void {
    const status = this.gpg(["--import"], keys).status;
    if (!status.some((line) => line.startsWith("IMPORT_OK ")))
      throw new CooperError("invalid-argument", `${where} holds no OpenPGP public key`);
  }

  /**
   * What a key of the ring has signed.
   *
   * @throws CooperError permission-denied that says why the signature does not count
   */
  open(signature: Uint8Array): Buffer {
    if (signature.length > maxSignatureBytes) throw refused("it is larger than a MiB");
    const { status, output } = this.gpg(["--output", "-", "--decrypt"], signature);
    const words = status.map((line) => line.split(" ", 1)[0] ?? "");
    const bad = words.find((word) => Object.hasOwn(failures, word));
    if (bad !== undefined) throw refused(failures[bad] ?? bad);
    const count = (word: string) => words.filter((each) => each === word).length;
    // one message, signed once: what stands beside it was signed by nobody
    const isOne = ["PLAINTEXT", "NEWSIG", "GOODSIG", "VALIDSIG"].every((word) => count(word) === 1);
    if (!isOne) throw refused("it is no OpenPGP message with one signature");
    return output;
  }

  private gpg(argv: readonly string[], input: Uint8Array) {
    const statusFile = join(this.home, `status-${this.count++}`);
    writeFileSync(statusFile, "");
    const limits = ["--max-output", `${maxSignatureBytes}`];
    const result = Bun.spawnSync(
      [
        needProgram("gpg"),
        "--homedir",
        this.home,
        ...isolated,
        ...limits,
        "--status-file",
        statusFile,
        ...argv,
      ],
      {
        stdin: input,
        stdout: "pipe",
        stderr: "ignore",
        env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C", HOME: this.home },
        cwd: "/",
        timeout: timeoutMs,
        maxBuffer: 2 * maxSignatureBytes,
      },
    );
    const lines = readFileSync(statusFile, "latin1").split("\n");
    const marker = "[GNUPG:] ";
    return {
      status: lines.flatMap((line) => (line.startsWith(marker) ? [line.slice(marker.length)] : [])),
      output: result.stdout,
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** GnuPG, doc/DETAILS, "Format of the --status-fd output". */
const failures: Readonly<Record<string, string>> = {
  BADSIG: "it is forged or damaged",
  EXPSIG: "it has expired",
  EXPKEYSIG: "its key has expired",
  REVKEYSIG: "its key has been revoked",
  ERRSIG: "it is not by one of the keys",
  NO_PUBKEY: "it is not by one of the keys",
  DECRYPTION_FAILED: "it is encrypted",
  BEGIN_DECRYPTION: "it is encrypted",
  NODATA: "it is no OpenPGP message",
  UNEXPECTED: "it is no OpenPGP message",
};

function refused(why: string): CooperError {
  return new CooperError("permission-denied", `a signature does not count: ${why}`);
}

/**
 * Signs a payload with a key of the user's own gpg.
 *
 * @param passphraseFile null: gpg asks its agent, which asks the user
 */
export function signWithGpg(payload: string, key: string, passphraseFile: string | null): Buffer {
  const passphrase =
    passphraseFile === null
      ? ["--batch"]
      : ["--batch", "--pinentry-mode", "loopback", "--passphrase-file", passphraseFile];
  const result = Bun.spawnSync(
    [
      needProgram("gpg"),
      ...passphrase,
      "--no-armor",
      "--digest-algo",
      "SHA256",
      "--local-user",
      key,
      "--output",
      "-",
      "--sign",
    ],
    { stdin: Buffer.from(payload), stdout: "pipe", stderr: "pipe", cwd: "/" },
  );
  if (result.success) return result.stdout;
  const why = result.stderr.toString().trim().split("\n").at(-1) ?? "";
  throw new CooperError("helper-failed", `gpg cannot sign with the key ${key}: ${why}`, {
    hint: "see your keys with: gpg --list-secret-keys",
  });
}
