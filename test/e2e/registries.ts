/** Debian's docker-registry for tests: with or without log-in and TLS, and a directory of its own. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";

export interface DebianRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** For --cert-dir; holds the authority when there is TLS. */
  readonly certificates: string;
}

export interface RegistryOptions {
  /** Name and password that it asks for. */
  readonly login?: { readonly username: string; readonly password: string };
  readonly tls?: boolean;
}

/** Starts one, and waits until it answers. */
export async function debianRegistry(options: RegistryOptions = {}): Promise<DebianRegistry> {
  const directory = mkdtempSync("/tmp/cr-");
  const certificates = join(directory, "certs");
  mkdirSync(certificates);
  chmodSync(directory, 0o755); // ordinary users read the certificate
  const port = await freePort();
  const file = (name: string) => join(directory, name);
  if (options.tls) makeCertificate(file("key.pem"), join(certificates, "ca.crt"));
  if (options.login !== undefined) {
    const { username, password } = options.login;
    const hash = Bun.password.hashSync(password, { algorithm: "bcrypt", cost: 4 });
    writeFileSync(file("htpasswd"), `${username}:${hash}\n`);
  }
  const tls = options.tls
    ? `, tls: { certificate: ${certificates}/ca.crt, key: ${file("key.pem")} }`
    : "";
  const auth =
    options.login === undefined
      ? ""
      : `auth: { htpasswd: { realm: test, path: ${file("htpasswd")} } }\n`;
  writeFileSync(
    file("config.yml"),
    `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${file("data")} }, delete: { enabled: true } }
http: { addr: 127.0.0.1:${port}${tls} }
${auth}`,
  );
  const server = Bun.spawn(["docker-registry", "serve", file("config.yml")], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  const url = `${options.tls ? "https" : "http"}://127.0.0.1:${port}/v2/`;
  for (let tries = 0; tries < 200 && !(await answers(url)); tries++) await Bun.sleep(50);
  return {
    host: `127.0.0.1:${port}`,
    certificates,
    async [Symbol.asyncDispose]() {
      server.kill("SIGKILL");
      await server.exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { tls: { rejectUnauthorized: false } });
    return response.status === 200 || response.status === 401;
  } catch {
    return false; // it is still starting
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function makeCertificate(key: string, certificate: string): void {
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const made = Bun.spawnSync(
    [
      "openssl",
      "req",
      "-x509",
      ...curve,
      ...names,
      "-days",
      "2",
      "-keyout",
      key,
      "-out",
      certificate,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  if (!made.success) throw new Error(`openssl: ${made.stderr}`);
}
