// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the subject
/**
 * Dockerfiles, each a line or a few, and what is in their context. The base image is busybox with a passwd
 * file; a text without FROM stands on it. `@WEB@` is a web server's address (what it has: `webFiles`, and
 * in.tar), `@GIT@` that of a git server with one repository, `@DIR@` a directory beside the context.
 */

/** One Dockerfile. */
export interface Case {
  readonly name: string;
  readonly text: string;
  readonly args?: readonly string[];
  /** Instead of the directory with `contextFiles`. */
  readonly context?: string;
  /** What buildah of Debian 12 does not know: then only Cooper builds it, and the output is compared. */
  readonly newer?: true;
  /** What `sh -c SCRIPT` in the image prints, for what no peer here can build. */
  readonly prints?: readonly [script: string, output: string];
  /** Both differ, for this reason: in the configuration, in the files, or in whether it can be built. */
  readonly differs?: string;
}

/** The context of all cases; values that begin with `-> ` are links. */
export const contextFiles: Readonly<Record<string, string>> = {
  ".dockerignore": "*.skip\n!kept.skip\nignored\n**/deep.txt\n",
  "a.txt": "a\n",
  "b.txt": "b\n",
  "c.md": "c\n",
  "kept.skip": "kept\n",
  "left.skip": "left\n",
  "ignored/x": "x\n",
  "dir/one": "1\n",
  "dir/two.md": "2\n",
  "dir/sub/three": "3\n",
  "dir/sub/deep.txt": "deep\n",
  "dir/link": "-> one",
  "dir/dangling": "-> nowhere",
  "dir/[x]": "brackets\n",
  "with space/f": "space\n",
  "x/y/z/file": "deep\n",
  link: "-> dir",
  filelink: "-> a.txt",
};

/** What the web server has. */
export const webFiles: Readonly<Record<string, string>> = {
  "file.txt": "from the web\n",
  "with space": "space\n",
};

/** What the repository has on its branch main; dev has `only-dev` besides, and v1 is a tag of main. */
export const repositoryFiles: Readonly<Record<string, string>> = {
  top: "top\n",
  "sub/inner": "inner\n",
  "sub/link": "-> inner",
};

/** What buildah does otherwise, by name; each time Cooper does as BuildKit. */
const differences: Readonly<Record<string, string>> = {
  "ADD: a tar, owned": "buildah gives the directory that is made for an archive to root",
  "COPY: chmod a directory": "buildah leaves the mode of the directory that is copied into",
  "context: a tag of a repository": "buildah fetches branches alone",
  "named context: a repository": "buildah takes its address for a directory",
  "RUN: VOLUME before": "buildah takes back what commands write to a volume",
  "configuration: SHELL": "buildah takes /bin/sh for CMD all the same",
  "configuration: VOLUME": "buildah makes the directories of volumes",
  "configuration: VOLUME as JSON": "buildah makes the directories of volumes",
  "configuration: WORKDIR with an end": "buildah keeps the slash at the end",
  "stages: a name in capitals": "buildah finds a stage only as its name is written",
};

function known(one: Case): Case {
  const differs = differences[one.name];
  return { ...one, ...(differs !== undefined && { differs }) };
}

const table = (prefix: string, rows: Readonly<Record<string, string>>): Case[] =>
  Object.entries(rows).map(([row, text]) => known({ name: `${prefix}: ${row}`, text }));

const newer = (
  prefix: string,
  rows: Readonly<Record<string, readonly [string, string, string]>>,
): Case[] =>
  Object.entries(rows).map(([name, [text, script, output]]) => ({
    name: `${prefix}: ${name}`,
    text,
    newer: true,
    prints: [script, output],
  }));

const configuration = table("configuration", {
  "CMD as JSON": 'CMD ["a", "b c"]',
  "CMD as a line": "CMD echo $HOME && x",
  "CMD twice": 'CMD ["a"]\nCMD ["b"]',
  "ENTRYPOINT as JSON": 'ENTRYPOINT ["a", "b"]',
  "ENTRYPOINT as a line": "ENTRYPOINT exec a b",
  "ENTRYPOINT and CMD": 'ENTRYPOINT ["a"]\nCMD ["b"]',
  "ENV pairs": "ENV A=1 B=2",
  "ENV quoted": `ENV A="1 2" B='3 4' C=5\\ 6`,
  "ENV old": "ENV A one two  three",
  "ENV again": "ENV A=1\nENV A=2",
  "ENV of ENV": "ENV A=1\nENV B=$A C=${A}x D=\\$A",
  "ENV sees the line before": "ENV A=1\nENV A=2 B=$A",
  "ENV empty": "ENV A= B=",
  "ENV quotes in quotes": `ENV A="it's" B='say "x"'`,
  "ENV path": "ENV PATH=/x:$PATH",
  "LABEL pairs": "LABEL a=1 b=2",
  "LABEL quoted": 'LABEL "a b"="c d" e="f\\\n  g"',
  "LABEL of ENV": "ENV A=1\nLABEL v=$A w=\"${A}\" x='$A'",
  EXPOSE: "EXPOSE 80",
  "EXPOSE several": "EXPOSE 80 443/tcp 53/udp",
  "EXPOSE of ENV": "ENV P=99\nEXPOSE $P ${P}/udp",
  VOLUME: "VOLUME /v /w",
  "VOLUME as JSON": 'VOLUME ["/a b", "/c"]',
  USER: "USER 1:2",
  "USER of ARG": "ARG U=bob\nUSER $U",
  WORKDIR: "WORKDIR /a/b",
  "WORKDIR relative": "WORKDIR /a\nWORKDIR b\nWORKDIR ../c",
  "WORKDIR of ENV": "ENV D=/dd\nWORKDIR $D/e",
  "WORKDIR with an end": "WORKDIR /a/b/",
  STOPSIGNAL: "STOPSIGNAL SIGQUIT",
  "STOPSIGNAL number": "STOPSIGNAL 9",
  SHELL: 'SHELL ["/bin/sh", "-xc"]\nCMD a b',
  ONBUILD: "ONBUILD RUN echo x\nONBUILD COPY . /y",
  HEALTHCHECK: 'HEALTHCHECK --interval=5s --timeout=3s --retries=2 CMD ["x", "y"]',
  "HEALTHCHECK as a line": "HEALTHCHECK CMD x || exit 1",
  "HEALTHCHECK none": "HEALTHCHECK NONE",
  "lower case": 'env A=1\ncmd ["x"]',
  "comments and empty lines": "# one\n\n  # two\nENV A=1 \\\n  # three\n  B=2\n\n",
  continuations: "ENV A=1 \\\n    B=2 \\\n    C=3",
});

const variables = table("variables", {
  "ARG with a default": "ARG A=1\nENV B=$A",
  "ARG without": "ARG A\nENV B=x$A",
  "ARG quoted": 'ARG A="1 2"\nENV B=$A',
  "ARG of ARG": "ARG A=1\nARG B=${A}2\nENV C=$B",
  "ARG before FROM": "ARG T=latest\nFROM base:$T\nENV A=x$T",
  "ARG before FROM, taken in": "ARG T=latest\nFROM base:$T\nARG T\nENV A=$T",
  "ARG before FROM, of another": "ARG A=lat\nARG T=${A}est\nFROM base:$T",
  "ENV over ARG": "ENV A=env\nARG A=arg\nENV B=$A",
  "ARG in RUN": "ARG A=1\nRUN echo $A > /a",
  "ARG after its use": "ENV B=x$A\nARG A=1",
  default: "ENV A=${NO:-def} B=${NO:-}",
  "default, set": "ENV A=1\nENV B=${A:-def}",
  alternative: "ENV A=1\nENV B=${A:+alt} C=${NO:+alt}x",
  nested: "ENV A=1\nENV B=${NO:-${A}2}",
  escaped: "ENV A=1\nENV B=\\$A C=\\${A} D='$A' E=\"$A\"",
  "in COPY": "ENV F=a.txt D=/dest\nCOPY $F ${D}/",
  platform: "ARG TARGETARCH\nARG TARGETOS\nENV A=$TARGETOS/$TARGETARCH",
});

const given: Case[] = [
  { name: "given: ARG", text: "ARG A=1\nENV B=$A", args: ["--build-arg", "A=2"] },
  { name: "given: ARG without a default", text: "ARG A\nENV B=$A", args: ["--build-arg", "A=2"] },
  { name: "given: ARG with spaces", text: "ARG A\nENV B=$A", args: ["--build-arg", "A=2 3"] },
  {
    name: "given: ARG before FROM",
    text: "ARG T=none\nFROM base:$T",
    args: ["--build-arg", "T=latest"],
  },
  {
    name: "given: a target",
    text: "FROM base AS a\nENV A=1\nFROM base\nRUN false",
    args: ["--target", "a"],
  },
  { name: "given: labels", text: "LABEL a=1", args: ["--label", "b=2", "--label", "a=3"] },
];

const copies = table("COPY", {
  "a file": "COPY a.txt /x",
  "a file into": "COPY a.txt /x/",
  "a file into deep": "COPY a.txt /x/y/z/",
  "a file to deep": "COPY a.txt /x/y/z",
  "a file into what is there": "COPY a.txt /etc",
  "a file over a file": "COPY a.txt /etc/passwd",
  "two files": "COPY a.txt b.txt /x/",
  "a directory": "COPY dir /x",
  "a directory into": "COPY dir /x/",
  "a directory into what is there": "COPY dir /etc",
  "a directory upon itself": "COPY dir /x\nCOPY dir/sub /x",
  everything: "COPY . /all",
  "everything into the root": "COPY . /",
  relative: "WORKDIR /w\nCOPY a.txt .",
  "relative, by name": "WORKDIR /w\nCOPY a.txt b",
  "with dots": "COPY ./dir/../a.txt /x",
  "a star": "COPY *.txt /x/",
  "a star for a directory": "COPY di* /x/",
  "a question mark": "COPY ?.md /x/",
  "a class": "COPY [ab].txt /x/",
  "a star deeper": "COPY dir/*.md /x/",
  "as JSON": 'COPY ["a.txt", "b.txt", "/x/"]',
  "as JSON with spaces": 'COPY ["with space/f", "/x y/"]',
  "chown numbers": "COPY --chown=3:4 dir /x",
  "chown a number": "COPY --chown=3 a.txt /x",
  "chown names": "COPY --chown=bob:bobs a.txt /x",
  "chown a name": "COPY --chown=bob a.txt /x",
  "chown into deep": "COPY --chown=5:6 a.txt /new/deep/x",
  chmod: "COPY --chmod=751 a.txt /x",
  "chmod a directory": "COPY --chmod=700 dir /x",
  "a stage":
    "FROM base AS s\nRUN echo s > /s; chmod 750 /s; chown 7:8 /s\nFROM base\nCOPY --from=s /s /t",
  "a stage by number":
    "FROM base\nRUN mkdir -p /d/e; echo f > /d/e/f\nFROM base\nCOPY --from=0 /d /d2",
  "an image": "COPY --from=base /etc/passwd /p",
  "links of a stage":
    "FROM base AS s\nRUN mkdir /d; ln -s f /d/l; echo f > /d/f; ln -s /d /e\nFROM base\nCOPY --from=s /d /d",
  "hard links":
    "FROM base AS s\nRUN mkdir /d; echo f > /d/f; ln /d/f /d/g\nFROM base\nCOPY --from=s /d /d",
  "setuid of a stage":
    "FROM base AS s\nRUN echo f > /f; chmod 4755 /f\nFROM base\nCOPY --from=s /f /f",
  "into a link to a directory": "RUN mkdir /real; ln -s /real /l\nCOPY a.txt /l/",
  "to a link to a directory": "RUN mkdir /real; ln -s /real /l\nCOPY a.txt /l",
  "a directory to a link": "RUN mkdir /real; ln -s real /l\nCOPY dir /l",
  "what exceptions keep": "COPY kept.skip /x",
  "a file of a user": "USER 1000\nCOPY a.txt /x",
});

const commands = table("RUN", {
  "a line": "RUN echo 1 > /x",
  "as JSON": 'RUN ["touch", "/x y"]',
  "with &&": "RUN echo 1 > /x && \\\n    echo 2 >> /x",
  "in a directory": "WORKDIR /w\nRUN pwd > x",
  "as a user": "RUN chmod 777 /tmp\nUSER 1000:1001\nRUN id -u > /tmp/x; id -g >> /tmp/x",
  "as a user by name": "USER bob\nRUN id -un > /tmp/x; id -gn >> /tmp/x",
  "with ENV": "ENV A=1\nRUN echo $A > /x",
  "with another shell": 'SHELL ["/bin/sh", "-ec"]\nRUN echo $- > /x',
  "a removal": "RUN rm /etc/group",
  "a removal of a directory": "RUN mkdir -p /d/e; touch /d/e/f\nRUN rm -r /d",
  "a directory anew": "RUN mkdir /d; touch /d/old\nRUN rm -r /d; mkdir /d; touch /d/new",
  "a rename": "RUN mkdir /d; touch /d/f\nRUN mv /d /e",
  "modes and owners": "RUN touch /f; chmod 4711 /f; chown 5:6 /f; mkdir /d; chmod 1770 /d",
  links: "RUN ln -s /etc/passwd /l; touch /f; ln /f /g; ln -s nowhere /d",
  "a FIFO": "RUN mkfifo /p",
  quotes: `RUN echo "a  b" 'c "d"' > /x`,
  dollars: "RUN A=1; echo $A ${A}x $$A > /x; echo '$A' >> /x",
  "brackets first": "RUN [ -f /etc/passwd ] && echo yes > /x",
  "a comment inside": "RUN echo 1 > /x; \\\n  # not this\n  echo 2 >> /x",
  "a file with no name that is text": "RUN touch $(printf '/\\\\303\\\\251') /plain",
  "VOLUME before": "VOLUME /v\nRUN mkdir -p /v; echo x > /v/f",
  "a tmpfs": "RUN --mount=type=tmpfs,target=/t touch /t/x; ls /t > /x",
  "a bind": "RUN --mount=type=bind,target=/c cat /c/a.txt > /x",
  "a bind of a stage":
    "FROM base AS s\nRUN echo s > /s\nFROM base\nRUN --mount=type=bind,from=s,source=/s,target=/m cat /m > /x",
  "a cache": "RUN --mount=type=cache,target=/c touch /c/x; ls /c > /x",
  "a mount read-only": "RUN --mount=type=bind,target=/c touch /c/no || echo kept > /x",
});

const stages = table("stages", {
  "one upon another": "FROM base AS a\nENV A=1\nRUN echo 1 > /1\nFROM a\nRUN echo 2 > /2",
  scratch: "FROM scratch\nCOPY a.txt /a",
  "scratch and a stage": 'FROM base AS s\nFROM scratch\nCOPY --from=s /etc/passwd /p\nCMD ["/x"]',
  "a name in capitals": "FROM base AS Up\nRUN echo 1 > /1\nFROM base\nCOPY --from=up /1 /2",
  unused: "FROM base AS unused\nENV X=1\nFROM base\nENV Y=1",
  "configuration goes on":
    'FROM base AS a\nUSER 5\nWORKDIR /w\nCMD ["a"]\nEXPOSE 1\nFROM a\nENTRYPOINT ["b"]',
  three:
    "FROM base AS a\nRUN echo a > /a\nFROM base AS b\nCOPY --from=a /a /b\nFROM base\nCOPY --from=b /b /c",
});

const adds = table("ADD", {
  "a file": "ADD a.txt /x",
  "a directory": "ADD dir /x",
  "a tar": "ADD in.tar /x/",
  "a tar to a name": "ADD in.tar /x",
  "a gzipped tar": "ADD in.tgz /x/",
  "a tar, owned": "ADD --chown=3:4 in.tar /x/",
});

const files = newer("newer", {
  "heredoc of RUN": ["RUN <<E\necho 1 > /x\necho 2 >> /x\nE", "cat /x", "1\n2"],
  "heredoc with a name in quotes": ['RUN <<"E" cat > /x\n$HOME\nE', "cat /x", "$HOME"],
  "heredoc of COPY": ["ENV A=1\nCOPY <<E /x\n$A\nE", "cat /x", "1"],
  "heredoc of COPY in quotes": ["ENV A=1\nCOPY <<'E' /x\n$A\nE", "cat /x", "$A"],
  "heredoc without tabs": ["COPY <<-E /x\n\t\ta\n\tE", "cat /x", "a"],
  "two heredocs": ["COPY <<a <<b /d/\n1\na\n2\nb", "cat /d/a /d/b", "1\n2"],
  "heredoc with a shebang": ["RUN <<E\n#!/bin/cat\nE", "true", ""],
  "chmod by letters": ["COPY --chmod=u=rwx,go= a.txt /x", "stat -c %a /x", "700"],
  parents: [
    "COPY --parents x/y/z/file a.txt /p/",
    "find /p -type f | sort",
    "/p/a.txt\n/p/x/y/z/file",
  ],
  "parents from a pivot": ["COPY --parents x/./y/z/file /p/", "find /p -type f", "/p/y/z/file"],
  "parents with stars": ["COPY --parents dir/**/three /p/", "find /p -type f", "/p/dir/sub/three"],
  exclude: ["COPY --exclude=*.md --exclude=sub dir /d/", "ls /d", "[x]\ndangling\nlink\none"],
  "two stars": ["COPY **/*.md /d/", "ls /d", "c.md\ntwo.md"],
  link: ["COPY --link a.txt /l/", "cat /l/a.txt", "a"],
  "network none": ["RUN --network=none ls /sys/class/net > /x", "cat /x", "lo"],
  "pattern at the front": ["ENV A=aXbXc\nENV B=${A#*X} C=${A##*X}", "echo $B $C", "bXc c"],
  "pattern at the end": ["ENV A=aXbXc\nENV B=${A%X*} C=${A%%X*}", "echo $B $C", "aXb a"],
  replacement: ["ENV A=aXbXc\nENV B=${A/X/-} C=${A//X/-}", "echo $B $C", "a-bXc a-b-c"],
  "default without a colon": ["ENV E=\nENV B=${E-x} C=${NO-y} D=${E+z}", 'echo "$B,$C,$D"', ",y,z"],
  TARGETSTAGE: ["ARG TARGETSTAGE\nENV S=$TARGETSTAGE", "echo $S", "default"],
  "bind of one file": ["RUN --mount=source=a.txt,target=/f cat /f > /x", "cat /x", "a"],
  "bind that is written to": [
    "RUN --mount=target=/c,rw echo n > /c/a.txt; cat /c/a.txt > /x",
    "cat /x",
    "n",
  ],
  "private cache": [
    "RUN --mount=type=cache,target=/c,sharing=private echo 1 > /c/x; cat /c/x > /y",
    "cat /y",
    "1",
  ],
  "tmpfs of a size": [
    "RUN --mount=type=tmpfs,target=/t,size=1m df -k /t | tail -1 | awk '{print $2}' > /x",
    "cat /x",
    "1024",
  ],
  "unpack off": ["ADD --unpack=false in.tar /x/", "ls /x", "in.tar"],
  "escape directive": ["# escape=`\nFROM base\nRUN echo 1 `\n  > /x", "cat /x", "1"],
  "several ARG in one line": ["ARG A=1 B=2\nENV C=$A$B", "echo $C", "12"],
});

const fetched = table("fetched", {
  "ADD of a URL": "ADD @WEB@/file.txt /u/",
  "ADD of a URL by another name": "ADD @WEB@/file.txt /x",
  "ADD of a URL with a variable": "ARG F=file\nADD @WEB@/$F.txt /u/",
  "ADD of a URL, owned": "ADD --chown=1:2 --chmod=640 @WEB@/file.txt /u/",
  "ADD of a URL's tar, which stays one": "ADD @WEB@/in.tar /u/",
  "ADD of a URL and a file": "ADD @WEB@/file.txt a.txt /u/",
});

const repository = "COPY top /top\nCOPY sub /sub";
const contexts: Case[] = [
  { name: "a repository", text: repository, context: "@GIT@/app" },
  { name: "a branch of a repository", text: "COPY only-dev /", context: "@GIT@/app#dev" },
  { name: "a tag of a repository", text: repository, context: "@GIT@/app#v1" },
  { name: "a directory of a repository", text: "COPY . /s", context: "@GIT@/app#main:sub" },
  { name: "a tar on the web", text: "COPY . /t", context: "@WEB@/in.tgz" },
].map((one) => known({ ...one, name: `context: ${one.name}` }));

const named: Case[] = [
  ["a directory", "COPY --from=more . /m", "more=@DIR@"],
  ["a directory that is mounted", "RUN --mount=from=more,target=/m cp /m/own /own", "more=@DIR@"],
  ["a tar on the web", "COPY --from=more d /m", "more=@WEB@/in.tar"],
  ["a repository", "COPY --from=more sub /m", "more=@GIT@/app#dev"],
  ["an image", "COPY --from=more /etc/passwd /p", "more=docker-image://localhost/base"],
  ["before an image of that name", "COPY --from=busybox own /own", "busybox=@DIR@"],
].map(([name = "", text = "", context = ""]) =>
  known({ name: `named context: ${name}`, text, args: ["--build-context", context] }),
);

const newlyFetched = newer("newer", {
  "ADD of a repository": [
    "ADD @GIT@/app#main:sub /r/",
    "cat /r/link; ls -A /r",
    "inner\ninner\nlink",
  ],
  "ADD of a repository with its history": [
    "ADD --keep-git-dir=true @GIT@/app?tag=v1 /r",
    "ls -A /r; grep -c url /r/.git/config",
    ".git\nsub\ntop\n1",
  ],
  "ADD with a checksum": [
    "ADD --checksum=sha256:451f3e8714562111c7fc96b639f49f404507d4436dcd0ec3d539defcc2577d86 @WEB@/file.txt /",
    "cat /file.txt",
    "from the web",
  ],
  "unpack of a URL": ["ADD --unpack=true @WEB@/in.tgz /t/", "cat /t/d/f", "in the tar"],
  "copies of a repository's files": [
    "ADD @GIT@/app?branch=dev&submodules=0 /r/",
    "ls /r",
    "only-dev\nsub\ntop",
  ],
});

export const cases: readonly Case[] = [
  ...configuration,
  ...variables,
  ...given,
  ...copies,
  ...commands,
  ...stages,
  ...adds,
  ...files,
  ...fetched,
  ...contexts,
  ...named,
  ...newlyFetched,
];
