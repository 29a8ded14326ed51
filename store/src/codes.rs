//! The codes of this crate's problems.

use meshform_model::diag::{Code, CodeInfo};

/// Somebody else wrote the record in the meantime.
pub const CONFLICT: Code = Code("MF0401");
/// Somebody else set the pointer in the meantime.
pub const POINTER_CONFLICT: Code = Code("MF0402");
/// The file at the store's place is not a store.
pub const FOREIGN: Code = Code("MF0403");
/// The store's file is damaged.
pub const DAMAGED: Code = Code("MF0404");
/// The store was written by a newer version.
pub const NEWER: Code = Code("MF0405");
/// The store would be on a network file system.
pub const NETWORK: Code = Code("MF0406");
/// The system does not let us at the store.
pub const PERMISSION: Code = Code("MF0407");
/// No space is left.
pub const FULL: Code = Code("MF0408");
/// Others kept the store busy for too long.
pub const BUSY: Code = Code("MF0409");
/// Reading or writing failed.
pub const IO: Code = Code("MF0410");
/// The store's file was replaced while it was open.
pub const REPLACED: Code = Code("MF0411");
/// The store was closed.
pub const CLOSED: Code = Code("MF0412");
/// A different store than the one that was used before, or none.
pub const OTHER: Code = Code("MF0413");
/// A part of a store's identity is malformed.
pub const SEED: Code = Code("MF0414");
/// A store's name that cannot be understood.
pub const LOCATION: Code = Code("MF0415");
/// The bucket of a store is not there.
pub const NO_BUCKET: Code = Code("MF0416");
/// The object storage does not answer.
pub const UNREACHABLE: Code = Code("MF0417");
/// The object storage asks for fewer requests.
pub const THROTTLED: Code = Code("MF0418");
/// There are no credentials, or they are refused.
pub const CREDENTIALS: Code = Code("MF0419");
/// The clocks of this machine and of the object storage differ too much.
pub const CLOCK: Code = Code("MF0420");
/// The bucket is in another region.
pub const REGION: Code = Code("MF0421");
/// The object storage cannot write on a condition.
pub const UNCONDITIONAL: Code = Code("MF0422");

/// What the documentation says of them.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: CONFLICT,
        title: "Conflicting write",
        explanation: "Between the moment at which a resource was read and the moment at which it was to be \
            written, somebody else wrote it, or it exists although it was to be created. Nothing was \
            written. The message says who wrote it and when. Plan again to see what is there now; a resource \
            that exists already is taken over with `terraform import`.",
    },
    CodeInfo {
        code: POINTER_CONFLICT,
        title: "Conflicting write of a pointer or setting",
        explanation: "Which release a mesh runs is kept in a pointer, and keys of the API in settings; both are \
            only written by whoever has seen the last value. Somebody else wrote first. Try again: the second \
            attempt starts from what is there.",
    },
    CodeInfo {
        code: FOREIGN,
        title: "File that is not a store",
        explanation: "At the place where the store should be lies a file that meshform did not write. It is \
            never overwritten. Move it away, or name another directory as the store.",
    },
    CodeInfo {
        code: DAMAGED,
        title: "Damaged store",
        explanation: "The store's file is truncated or inconsistent, or parts that belong together are not \
            there together. Nothing was written to it. Put a copy back (a copy from before each change of \
            format lies in the store's `backup` directory); or move the damaged file away and fill a new \
            store from Terraform's state with `meshform adopt`.",
    },
    CodeInfo {
        code: NEWER,
        title: "Store of a newer version",
        explanation: "A newer version of meshform has changed the store's format. Older versions do not touch \
            it. Use the newer version everywhere where this store is used.",
    },
    CodeInfo {
        code: NETWORK,
        title: "Embedded store on a network file system",
        explanation: "The embedded store needs locks and shared memory that network file systems do not have \
            reliably; using it there damages it. Name a directory on a local disk, or share a bucket between \
            machines (`store = \"s3://bucket/prefix\"`).",
    },
    CodeInfo {
        code: PERMISSION,
        title: "No permission for the store",
        explanation: "The system refused access to the store's files. The embedded store needs to write its \
            directory even for reading, because readers and writers see each other through files in it.",
    },
    CodeInfo {
        code: FULL,
        title: "No space left",
        explanation: "The disk or the quota is full. What was being written was taken back whole; what had \
            been acknowledged before is kept. Make room and try again.",
    },
    CodeInfo {
        code: BUSY,
        title: "Store busy for too long",
        explanation: "Other processes held the store for longer than a writer waits. Try again; if nobody \
            else is writing, look for a process that hangs.",
    },
    CodeInfo {
        code: IO,
        title: "Store input/output error",
        explanation: "The system reported an error while the store's files were read or written. What was \
            being written was taken back whole.",
    },
    CodeInfo {
        code: REPLACED,
        title: "Store replaced while open",
        explanation: "The store's file was moved, deleted or replaced by another while this process had it \
            open. Nothing more is written, because nobody would see it. Begin again.",
    },
    CodeInfo {
        code: CLOSED,
        title: "Store closed",
        explanation: "The store was shut down while something was still to be done. What had not been \
            acknowledged was not done.",
    },
    CodeInfo {
        code: OTHER,
        title: "Another store than before",
        explanation: "Terraform's state remembers which store its resources were written to. What is found at \
            the configured place is another store, or none. Taking it for the truth would mean that every \
            resource was deleted. Name the right store; or, where the store was lost, fill a new one from the \
            state with `meshform adopt`.",
    },
    CodeInfo {
        code: SEED,
        title: "Invalid partition, region or account",
        explanation: "A store is created with a partition, a region and an account, which its ARNs carry. An \
            account has twelve digits; partition and region are words of lower-case letters, digits and `-`.",
    },
    CodeInfo {
        code: LOCATION,
        title: "Invalid store location",
        explanation: "A store is a directory, which then holds the embedded store, or a bucket: \
            `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` (also \
            `abfss://container@account.dfs.core.windows.net/prefix`), or `file:///directory` for a directory \
            that is treated as a bucket. The provider's `store` and the command's `--store` take the same.",
    },
    CodeInfo {
        code: NO_BUCKET,
        title: "Missing bucket",
        explanation: "A store lives in a bucket that is there already; meshform makes objects, never buckets. \
            Make it, or correct the name. With a server of one's own, look at the endpoint too: the server \
            that answered may be another.",
    },
    CodeInfo {
        code: UNREACHABLE,
        title: "Object storage does not answer",
        explanation: "No connection, no answer in time, or an answer that broke off, also after several tries \
            with pauses between them. Nothing that was acknowledged before is lost, and what was written \
            before is in Terraform's state. Check network, proxy and endpoint, and apply again.",
    },
    CodeInfo {
        code: THROTTLED,
        title: "Object storage throttles requests",
        explanation: "The service answered that there are too many requests, also after several tries with \
            growing pauses between them. What was written before is in Terraform's state. Wait and apply \
            again; `-parallelism` makes Terraform ask for less at once.",
    },
    CodeInfo {
        code: CREDENTIALS,
        title: "Missing or refused credentials for object storage",
        explanation: "Credentials for S3 come from the first of these that the environment names: keys \
            (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for temporary ones, `AWS_SESSION_TOKEN`); a web \
            identity (`AWS_WEB_IDENTITY_TOKEN_FILE` with `AWS_ROLE_ARN`); the container \
            (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` of ECS, `AWS_CONTAINER_CREDENTIALS_FULL_URI` of EKS Pod \
            Identity and others); and without any of these from the machine's metadata service. The first is \
            taken even where it fails; the message says where it was asked and what was answered. Google's \
            come from `GOOGLE_APPLICATION_CREDENTIALS` and its kin, Azure's from `AZURE_STORAGE_ACCOUNT_KEY` \
            and its kin. There are none, or the service does not know them, or they have expired. Profiles and \
            single sign-on are not read: `aws configure export-credentials --format env` turns them into \
            variables.",
    },
    CodeInfo {
        code: CLOCK,
        title: "Clock skew",
        explanation: "Requests are signed with the time, and the service refuses those that are minutes off. \
            Set this machine's clock.",
    },
    CodeInfo {
        code: REGION,
        title: "Bucket in another region",
        explanation: "The service answered that the bucket has to be asked for in another region. Name it in \
            the provider block's `s3` block, or as `AWS_REGION` in the environment.",
    },
    CodeInfo {
        code: UNCONDITIONAL,
        title: "Object storage without conditional writes",
        explanation: "Several writers stay out of each other's way because an object is created only where \
            none is (`If-None-Match: *`). Before a store is made this is tried with an object of its own, and \
            this server wrote over it, or does not know the condition. A store there would lose writes, so \
            none is made. Amazon S3, Google Cloud Storage, Azure, Cloudflare R2, MinIO and Ceph know it; some \
            gateways do not, or did not in older versions.",
    },
];
