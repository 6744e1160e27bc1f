import { expect, test } from "bun:test";
import { checkLogTag, logAttributes, logTagOf } from "./log-attributes.ts";
import type { ContainerRecord } from "./record.ts";

const container = (options: Record<string, string>) =>
  ({
    id: "0123456789abcdef",
    name: "web",
    imageId: "fedcba9876543210",
    spec: { log: { options }, labels: { a: "1", ab: "7", b: "2 3" }, env: ["X=y,z=", "XY=1"] },
    resolved: {
      imageName: "example.com/web:1",
      imageConfig: {
        config: { Env: ["X=older", "PATH=/bin"], Labels: { b: "older", of: "image" } },
      },
    },
  }) as unknown as ContainerRecord;

// each row as dockerd 20.10 prints it
test.each([
  { options: {}, text: "" },
  { options: { labels: "a,b", env: "X" }, text: "X=y%2Cz%3D,a=1,b=2+3" },
  {
    options: { "labels-regex": "^a", "env-regex": "^X", tag: "{{.Name}}" },
    text: "X=y%2Cz%3D,XY=1,a=1,ab=7,tag=web",
  },
  { options: { labels: "of,none", env: "PATH" }, text: "PATH=%2Fbin,of=image" },
])("logAttributes() of $options", ({ options, text }) => {
  expect(logAttributes(container(options as Record<string, string>))).toBe(text);
});

test("a tag names the container and its image", () => {
  const text = "{{.ID}} {{ .FullID }} {{.ImageName}}/{{.ImageID}} {{.Name}}";
  expect(logTagOf(checkLogTag(text), container({}))).toBe(
    "0123456789ab 0123456789abcdef example.com/web:1/fedcba987654 web",
  );
  expect(() => checkLogTag("{{.Secret}}")).toThrow("{{.Secret}} is none of ID,");
});
