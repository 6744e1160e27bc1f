/** `image trust` and `image sign`: which images are accepted, by whom they must be signed, and signing them. */
import { resolve } from "node:path";
import { CooperError } from "../../errors.ts";
import { flagSwitch, listOf, oneOf, path, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { formatRows } from "../table.ts";
import { accessOf, accessOptions } from "./registry-options.ts";
import { policyOf, signaturePolicy } from "./trust-options.ts";

export const trustShow = defineCommand({
  summary: "Show which images are accepted",
  usage: "[REGISTRY]",
  description:
    "The policy is the one of containers-policy.json(5). Without one everything is accepted.",
  options: {
    json: { flag: "--json", short: "-j", type: flagSwitch, help: "As JSON" },
    noHeading: {
      flag: "--noheading",
      short: "-n",
      type: flagSwitch,
      help: "Without the line of headings",
    },
    raw: { flag: "--raw", type: flagSwitch, help: "The policy file as it is" },
    signaturePolicy,
  },
  args: { min: 0, max: 1 },
  staysOutside: true,
  async run({ engine, args, options }) {
    if (options.raw) {
      print((await engine.images.trustText(options.signaturePolicy)) ?? "");
      return;
    }
    const rows = await engine.images.trust(options.signaturePolicy);
    const wanted = args[0];
    const shown = rows
      .filter(({ name }) => wanted === undefined || name === wanted)
      .map((row) => ({
        Transport: row.transport,
        Name: row.name,
        Type: row.type,
        Id: row.keys,
        Store: row.store,
      }));
    if (shown.length === 0)
      throw new CooperError("no-such-object", `the policy says nothing of ${wanted}`);
    print(
      formatRows({
        rows: shown,
        columns: ["Transport", "Name", "Type", "Id", "Store"].map((name) => ({
          header: name.toUpperCase(),
          template: `{{.${name}}}`,
        })),
        format: options.json ? "json" : undefined,
        noHeading: options.noHeading,
        json: () =>
          shown.map(({ Transport, Name, Type, Id, Store }) => ({
            transport: Transport,
            ...(Name !== "" && {
              name: Name === "default" ? "* (default)" : Name,
              repo_name: Name,
            }),
            type: Type,
            ...(Id !== "" && { keys: Id }),
            ...(Store !== "" && { sigstore: Store }),
          })),
      }),
    );
  },
});

export const trustSet = defineCommand({
  summary: "Say which images are accepted",
  usage: "default|REGISTRY[/REPOSITORY]",
  examples: [
    "cooper image trust set --type reject default",
    "cooper image trust set --type signedBy --pubkeysfile team.gpg quay.io/team",
  ],
  options: {
    keyFiles: {
      flag: "--pubkeysfile",
      short: "-f",
      type: listOf(path),
      help: "File of a public key; may be given several times",
    },
    signaturePolicy,
    type: {
      flag: "--type",
      short: "-t",
      type: oneOf("accept", "reject", "signedBy", "sigstoreSigned"),
      help: "What holds for these images",
      defaultText: "signedBy",
    },
  },
  args: { min: 1, max: 1 },
  staysOutside: true,
  async run({ engine, args, options }) {
    await engine.images.setTrust({
      scope: args[0] ?? "",
      type: options.type ?? "signedBy",
      keyFiles: options.keyFiles,
      ...policyOf(options),
    });
  },
});

export const sign = defineCommand({
  summary: "Sign images in registries",
  usage: "IMAGE [IMAGE...]",
  description:
    "Writes simple signatures (containers-signature(5)), made with a key of your gpg, to the directory that registries.d names as lookaside-staging or lookaside. Prints the files.",
  examples: ["cooper image sign --sign-by me@example.com quay.io/team/app:1"],
  options: {
    all: {
      flag: "--all",
      short: "-a",
      type: flagSwitch,
      help: "The images of an index for all platforms",
    },
    authfile: accessOptions.authfile,
    certDir: accessOptions.certDir,
    creds: accessOptions.creds,
    directory: {
      flag: "--directory",
      short: "-d",
      type: { ...path, completes: "directory" },
      help: "Where the signatures go",
    },
    passphraseFile: {
      flag: "--sign-passphrase-file",
      type: path,
      help: "File with the passphrase of the key; without it gpg asks",
    },
    signBy: {
      flag: "--sign-by",
      type: string,
      help: "Key of gpg: its fingerprint or mail address",
    },
    tlsVerify: accessOptions.tlsVerify,
  },
  args: { min: 1 },
  completes: "image",
  staysOutside: true,
  async run({ engine, args, options, forEach }) {
    const { signBy } = options;
    if (signBy === undefined)
      throw new CooperError("invalid-argument", "no key to sign with was named", {
        hint: "name one with --sign-by; see yours with: gpg --list-secret-keys",
      });
    return forEach(args, async (name) => {
      const files = await engine.images.sign(name, {
        ...accessOf(options),
        key: signBy,
        all: options.all ?? false,
        ...(options.directory !== undefined && { directory: resolve(options.directory) }),
        ...(options.passphraseFile !== undefined && { passphraseFile: options.passphraseFile }),
      });
      return files.join("\n");
    });
  },
});
