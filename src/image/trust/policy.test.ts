import { describe, expect, test } from "bun:test";
import { decodePolicy } from "./policy.ts";
import { requirementsFor } from "./scope.ts";

const accept = { type: "insecureAcceptAnything" };
const decode = (value: unknown) => decodePolicy(JSON.stringify(value), "policy.json");
const withRequirement = (requirement: unknown) => decode({ default: [requirement] });
const signedBy = { type: "signedBy", keyType: "GPGKeys", keyPath: "/k" };

describe("decodePolicy()", () => {
  test("reads every type of requirement", () => {
    const { default: list } = decode({
      default: [
        accept,
        { type: "reject" },
        signedBy,
        { ...signedBy, keyPath: undefined, keyPaths: ["/a", "/b"] },
        { ...signedBy, keyPath: undefined, keyData: Buffer.from("key").toString("base64") },
        { type: "sigstoreSigned", keyPath: "/c.pub", signedIdentity: { type: "matchRepository" } },
      ],
    });
    const identity = { type: "matchRepoDigestOrExact" } as const;
    expect(list).toEqual([
      { type: "insecureAcceptAnything" },
      { type: "reject" },
      { type: "signedBy", keys: { kind: "files", paths: ["/k"] }, identity },
      { type: "signedBy", keys: { kind: "files", paths: ["/a", "/b"] }, identity },
      { type: "signedBy", keys: { kind: "data", keys: [Buffer.from("key")] }, identity },
      {
        type: "sigstoreSigned",
        keys: { kind: "files", paths: ["/c.pub"] },
        identity: { type: "matchRepository" },
      },
    ]);
  });

  test.each([
    { type: "matchExact" },
    { type: "exactReference", dockerReference: "a.io/b:1" },
    { type: "exactRepository", dockerRepository: "a.io/b" },
    { type: "remapIdentity", prefix: "mirror.io:5000", signedPrefix: "quay.io/team" },
  ])("reads the identity %p", (signedIdentity) => {
    expect(withRequirement({ ...signedBy, signedIdentity }).default[0]).toHaveProperty("identity");
  });

  test.each([
    [{ ...signedBy, keyType: "X509Certificates" }, "X509"],
    [{ type: "sigstoreSigned", fulcio: {} }, "fulcio"],
    [{ type: "sigstoreSigned", keyPath: "/k", rekorPublicKeyPath: "/r" }, "Rekor"],
  ])("keeps what is valid and not verified apart: %p", (requirement, what) => {
    const [found] = withRequirement(requirement).default;
    expect(found).toMatchObject({ type: "unverifiable", what: expect.stringContaining(what) });
  });

  test.each<[string, unknown, string]>([
    ["no object", [], "must be an object"],
    ["no default", {}, "at least one requirement"],
    ["an empty default", { default: [] }, "at least one requirement"],
    ["an unknown field", { default: [accept], defaults: [] }, 'unknown field "defaults"'],
    ["an empty scope", { default: [accept], transports: { docker: { a: [] } } }, "at least one"],
    ["an unknown type", { default: [{ type: "accept" }] }, "unknown type"],
    ["an unknown condition", { default: [{ ...accept, when: "x" }] }, 'unknown field "when"'],
    ["no keys", { default: [{ ...signedBy, keyPath: undefined }] }, "just one of"],
    ["keys twice", { default: [{ ...signedBy, keyPaths: ["/b"] }] }, "just one of"],
    ["no keyType", { default: [{ ...signedBy, keyType: undefined }] }, "keyType"],
    ["no base64", { default: [{ ...signedBy, keyPath: undefined, keyData: "?" }] }, "base64"],
    [
      "an empty list of keys",
      { default: [{ ...signedBy, keyPath: undefined, keyPaths: [] }] },
      "keyPaths",
    ],
    [
      "an unknown identity",
      { default: [{ ...signedBy, signedIdentity: { type: "any" } }] },
      "unknown type",
    ],
    [
      "a reference without tag",
      {
        default: [
          { ...signedBy, signedIdentity: { type: "exactReference", dockerReference: "a.io/b" } },
        ],
      },
      "tag or digest",
    ],
    [
      "a prefix with a tag",
      {
        default: [
          {
            ...signedBy,
            signedIdentity: { type: "remapIdentity", prefix: "a/b:c", signedPrefix: "d" },
          },
        ],
      },
      "invalid prefix",
    ],
  ])("refuses %s", (_, value, why) => {
    expect(() => decode(value)).toThrow(why);
  });
});

test.each([
  ['{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}', "default"],
  ['{"default":[{"type":"reject","type":"insecureAcceptAnything"}]}', "type"],
])("decodePolicy() refuses a field that stands twice: %s", (text, field) => {
  expect(() => decodePolicy(text, "policy.json")).toThrow(`has the field "${field}" twice`);
});

test.each([
  ["docker", ["a.io/b/c:1", "a.io/b/c", "a.io/b", "a.io", "*.io"], "exact"],
  ["docker", ["a.io/b/c:2", "a.io/b/c", "a.io/b", "a.io", "*.io"], "namespace"],
  ["docker", ["z.io/x:1", "z.io/x", "z.io", "*.io"], "wildcard"],
  ["docker", ["z.org/x:1", "z.org/x", "z.org", "*.org"], "transport"],
  ["dir", ["/a"], "default"],
  ["docker-archive", [], "default"],
])("requirementsFor() %s %p is the one of: %s", (transport, names, expected) => {
  const named = (name: string) => [{ ...signedBy, keyPath: name }];
  const policy = decode({
    default: named("default"),
    transports: {
      docker: {
        "": named("transport"),
        "*.io": named("wildcard"),
        "a.io/b": named("namespace"),
        "a.io/b/c:1": named("exact"),
      },
    },
  });
  expect(requirementsFor(policy, { transport, names })).toMatchObject([
    { keys: { paths: [expected] } },
  ]);
});
