/** Who keeps the bytes of secrets (podman-secret-create(1), "Secret drivers"). */
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { SecretDriver, SecretRecord } from "../records/secrets.ts";
import { needProgram } from "../system/program.ts";

/** A keeper outside of the store. Bytes travel through pipes, never in arguments or the environment. */
export interface OuterDriver {
  store(secret: SecretRecord, bytes: Uint8Array): Promise<void>;
  lookUp(secret: SecretRecord): Promise<Uint8Array>;
  forget(secret: SecretRecord): Promise<void>;
}

type Options = Readonly<Record<string, string>>;

/** The keeper of a driver; undefined: the store itself. */
export function outerDriver(driver: SecretDriver): OuterDriver | undefined {
  if (driver === "shell") return shellDriver;
  return driver === "pass" ? passDriver : undefined;
}

const known: Readonly<Record<SecretDriver, readonly string[]>> = {
  file: [],
  pass: ["root", "gpghomedir", "key"],
  shell: ["list", "lookup", "store", "delete"],
};

/** Refuses options that the driver does not know, and misses those that it needs. */
export function checkDriver(driver: SecretDriver, options: Options): void {
  const unknown = Object.keys(options).find((key) => !known[driver].includes(key));
  if (unknown !== undefined)
    throw new CooperError("invalid-argument", `the ${driver} driver has no option "${unknown}"`, {
      hint: known[driver].join(", ") || "it has none",
    });
  const needed =
    driver === "shell" ? ["lookup", "store", "delete"] : driver === "pass" ? ["key"] : [];
  const missing = needed.find((key) => !Object.hasOwn(options, key));
  if (missing !== undefined)
    throw new CooperError(
      "invalid-argument",
      `the ${driver} driver needs the option "${missing}"`,
      {
        hint: `--driver-opts ${missing}=…`,
      },
    );
}

/** Commands of the user's own: the shell is asked for, and the secret's id is a variable, not text in it. */
const shellDriver: OuterDriver = {
  async store(secret, bytes) {
    await runHelper(secret, shellOf(secret, "store"), bytes);
  },
  lookUp: (secret) => runHelper(secret, shellOf(secret, "lookup")),
  async forget(secret) {
    await runHelper(secret, shellOf(secret, "delete"));
  },
};

const shellOf = ({ driverOptions }: SecretRecord, verb: string) => [
  needProgram("sh"),
  "-c",
  driverOptions[verb] ?? "false",
];

/** The store of pass(1): a file for each secret, encrypted by gpg(1). */
const passDriver: OuterDriver = {
  async store(secret, bytes) {
    const { key = "" } = secret.driverOptions;
    const args = ["--encrypt", "--recipient", key, "--yes", "--output", passFile(secret)];
    await runHelper(secret, [...gpg(secret), ...args], bytes);
  },
  lookUp: (secret) => runHelper(secret, [...gpg(secret), "--decrypt", passFile(secret)]),
  async forget(secret) {
    await runHelper(secret, [needProgram("rm"), "-f", "--", passFile(secret)]);
  },
};

function gpg({ driverOptions }: SecretRecord): string[] {
  const { gpghomedir } = driverOptions;
  return [
    needProgram("gpg"),
    "--batch",
    "--quiet",
    "--trust-model",
    "always",
    ...(gpghomedir === undefined ? [] : ["--homedir", gpghomedir]),
  ];
}

function passFile({ id, driverOptions }: SecretRecord): string {
  const root = driverOptions.root ?? join(process.env.HOME ?? "/", ".password-store");
  return join(root, `${id}.gpg`);
}

const helperTimeoutMs = 60_000;
const maxOutputBytes = 1 << 20;

async function runHelper(
  secret: SecretRecord,
  argv: readonly string[],
  input?: Uint8Array,
): Promise<Uint8Array> {
  const child = Bun.spawn([...argv], {
    env: { ...process.env, SECRET_ID: secret.id },
    stdin: input ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: helperTimeoutMs,
    maxBuffer: maxOutputBytes,
  });
  const [output, complaint] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) === 0) return output;
  const why =
    complaint.trim().split("\n").at(-1) || `it ended with ${child.signalCode ?? child.exitCode}`;
  throw new CooperError(
    "helper-failed",
    `the ${secret.driver} driver failed for secret ${secret.name}: ${why}`,
  );
}
