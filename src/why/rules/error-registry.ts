/** What mends errors of registries and of names of images. */
import { shellWords } from "../words.ts";
import { type ErrorRule, onStore, same } from "./error-rule.ts";

/** Names of hosts come from registries too, which may send us elsewhere: they are quoted as all words are. */
const ask = (host: string) => shellWords(["curl", "-sSI", `https://${host}/v2/`]);

/** Rows in the order in which they are tried. */
export const registryErrors: readonly ErrorRule[] = [
  {
    id: "name-unresolved",
    pattern: /the name (\S+) cannot be resolved/,
    cures: ([, name = ""], facts) => {
      const [known] = facts.similar;
      return known === undefined
        ? [`getent hosts ${shellWords([name])}`]
        : same(facts, (word) =>
            word === name || word.startsWith(`${name}/`) ? word.replace(name, known) : word,
          );
    },
    advice: (_, { similar }) =>
      similar.length > 0
        ? null
        : "if that finds nothing either, this machine has no network or no resolver: see /etc/resolv.conf; behind a proxy set HTTPS_PROXY",
  },
  {
    id: "connection-refused",
    pattern: /nothing answers at (\S+) \(connection refused\)/,
    cures: ([, host = ""]) => [ask(host)],
    advice: () => "start the registry there, or name the port that it listens on",
  },
  {
    id: "certificate",
    pattern: /the certificate of (\S+) cannot be trusted/,
    cures: ([, host = ""], facts) => [
      shellWords([
        ...(facts.isRootless ? [] : []),
        "install",
        "-D",
        "-m",
        "644",
        "ca.crt",
        `${facts.isRootless ? ".config" : "/etc"}/containers/certs.d/${host}/ca.crt`,
      ]),
    ],
    advice: ([, host]) =>
      `ca.crt is the authority that ${host} has its certificate from; in a network that you trust, --tls-verify=false does without`,
  },
  {
    id: "no-tls",
    pattern:
      /(\S+) ended the TLS handshake.*speak no TLS|the connection to (\S+) failed: .*(?:wrong version number|EPROTO|packet length)/i,
    cures: (_, facts) => {
      const words = facts.words.filter((word) => !word.startsWith("--tls-verify"));
      const at = words.findIndex((word) =>
        /^(pull|push|run|create|login|search|inspect)$/.test(word),
      );
      if (at < 0) return [];
      return [
        shellWords([
          "cooper",
          ...words.slice(0, at + 1),
          "--tls-verify=false",
          ...words.slice(at + 1),
        ]),
      ];
    },
    advice: () => "in a network that you trust: that asks by plain http",
  },
  {
    id: "no-tag",
    pattern: /(\S+) has no (\S+?)(?::[\w.-]+|@\S+)?$/m,
    when: ({ code }) => code === "no-such-image",
    cures: ([, , name = ""], facts) => [onStore(facts, "search", "--list-tags", name)],
    advice: () => "that shows its tags, where there is such a repository",
  },
  {
    id: "no-answer",
    pattern:
      /(\S+) (?:did not answer within|sent nothing for)|the connection to (\S+) (?:failed|was lost)/,
    cures: ([, a, b]) => [ask(a ?? b ?? "")],
    advice: () => "if that waits too, a firewall is in between: behind a proxy set HTTPS_PROXY",
  },
  {
    id: "upper-case",
    pattern: /invalid image name "([^"]+)": it must be in lower case/,
    cures: ([, name = ""], facts) =>
      same(facts, (word) => (word === name ? word.toLowerCase() : word)),
  },
];
