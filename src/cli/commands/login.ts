/** `login` and `logout`. */
import type { Engine } from "../../engine.ts";
import { CooperError } from "../../errors.ts";
import { flagSwitch, path, string } from "../../option.ts";
import { isTerminal, readHiddenLine, readVisibleLine } from "../../system/terminal.ts";
import { defineCommand } from "../command.ts";
import { print, tell } from "../output.ts";
import { accessOf, accessOptions } from "./registry-options.ts";

const compatAuthFile = {
  flag: "--compat-auth-file",
  type: path,
  help: "File of Docker's kind to use, in place of --authfile",
} as const;
const { authfile, certDir, tlsVerify } = accessOptions;

export const login = defineCommand({
  isHere: true,
  summary: "Log in to a registry",
  usage: "[REGISTRY]",
  description:
    "The credentials are tried before they are kept: with the credential helper that is configured for the registry, else in a file that only you can read. A registry may stand with a path behind: the most specific credentials count.",
  examples: ["cooper login quay.io", "cooper login -u me --password-stdin localhost:5000"],
  options: {
    authfile,
    certDir,
    compatAuthFile,
    getLogin: { flag: "--get-login", type: flagSwitch, help: "Print who is logged in" },
    password: { flag: "--password", short: "-p", type: string, help: "Password" },
    passwordStdin: {
      flag: "--password-stdin",
      type: flagSwitch,
      help: "Read the password from standard input",
    },
    secret: {
      flag: "--secret",
      type: string,
      help: "Secret that is the password; without --username, its name is the user's",
    },
    tlsVerify,
    username: { flag: "--username", short: "-u", type: string, help: "User name" },
    verbose: {
      flag: "--verbose",
      short: "-v",
      type: flagSwitch,
      help: "Tell where the credentials are kept",
    },
  },
  args: { min: 0, max: 1 },
  completes: "none",
  staysOutside: true,
  async run({ engine, args, options }) {
    const server = args[0] ?? "docker.io";
    const target = { server, ...accessOf(options), ...compatOf(options.compatAuthFile) };
    const current = await engine.registries.currentLogin(target);
    if (options.getLogin) {
      if (current === undefined)
        throw new CooperError("no-such-object", `not logged in to ${server}`);
      print(`${current.username}\n`);
      return;
    }
    const { secret } = options;
    const password =
      secret === undefined ? options.password : await secretText(engine, secret, options);
    const typed = await typedCredentials(
      secret === undefined
        ? options
        : { username: options.username ?? secret, password, isSecret: true },
    );
    if (typed === undefined && current !== undefined) {
      tell(`Authenticating with existing credentials for ${server}\n`);
      if (await engine.registries.isAccepted(target, current)) {
        print(`Existing credentials are valid. Already logged in to ${server}\n`);
        return;
      }
      tell("Existing credentials are invalid, please enter valid username and password\n");
    }
    const credentials = typed ?? (await ask(options, current?.username));
    const place = await engine.registries.login(target, credentials);
    if (options.verbose) print(`Used: ${place}\n`);
    print("Login Succeeded!\n");
  },
});

const compatOf = (file: string | undefined) => (file === undefined ? {} : { compatAuthFile: file });

interface Typed {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly passwordStdin?: boolean | undefined;
  /** The password was on no command line. */
  readonly isSecret?: boolean;
}

async function secretText(engine: Engine, name: string, options: Typed): Promise<string> {
  if (options.password !== undefined || options.passwordStdin)
    throw new CooperError("invalid-argument", "--secret takes no password besides");
  const { SecretData } = await engine.secrets.inspect(name, { showsBytes: true });
  return String(SecretData).replace(/\r?\n$/, "");
}

async function typedCredentials({ username, password, passwordStdin, isSecret }: Typed) {
  if (passwordStdin) {
    if (password !== undefined)
      throw new CooperError(
        "invalid-argument",
        "--password and --password-stdin exclude each other",
      );
    if (username === undefined)
      throw new CooperError("invalid-argument", "--password-stdin needs --username");
    const text = (await Bun.stdin.text()).replace(/\r?\n$/, "");
    if (text === "")
      throw new CooperError("invalid-argument", "no password came from standard input");
    return { username, password: text };
  }
  if (password === undefined) return undefined;
  if (!isSecret)
    tell("Warning: a password on the command line is seen by others: use --password-stdin\n");
  return username === undefined ? undefined : { username, password };
}

async function ask({ username, password }: Typed, known: string | undefined) {
  if (!isTerminal(0))
    throw new CooperError("invalid-argument", "there is no terminal to ask for credentials at", {
      hint: "give them with --username and --password-stdin",
    });
  const name =
    username ??
    ((await line(known === undefined ? "Username: " : `Username (${known}): `)) || known);
  if (!name) throw new CooperError("invalid-argument", "no user name was given");
  tell(password === undefined ? "Password: " : "");
  const secret = password ?? (await readHiddenLine(0));
  if (password === undefined) tell("\n");
  if (secret === "") throw new CooperError("invalid-argument", "no password was given");
  return { username: name, password: secret };
}

async function line(prompt: string): Promise<string> {
  tell(prompt);
  return (await readVisibleLine(0)).trim();
}

export const logout = defineCommand({
  isHere: true,
  summary: "Log out of a registry",
  usage: "[REGISTRY]",
  examples: ["cooper logout quay.io", "cooper logout --all"],
  options: {
    all: { flag: "--all", short: "-a", type: flagSwitch, help: "Of all registries" },
    authfile,
    compatAuthFile,
  },
  args: { min: 0, max: 1 },
  completes: "none",
  staysOutside: true,
  async run({ engine, args, options }) {
    const files = { ...accessOf(options), ...compatOf(options.compatAuthFile) };
    if (options.all) {
      if (args.length > 0)
        throw new CooperError("invalid-argument", "--all takes no registry besides");
      await engine.registries.logoutOfAll(files);
      print("Removed login credentials for all registries\n");
      return;
    }
    const server = args[0] ?? "docker.io";
    await engine.registries.logout({ server, ...files });
    print(`Removed login credentials for ${server}\n`);
  },
});
