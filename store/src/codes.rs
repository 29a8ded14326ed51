//! The codes of this crate's problems.

meshform_model::codes! {
    CONFLICT "MF0401" "conflicting write"
        "Between the moment at which a resource was read and the moment at which it was to be written, \
         somebody else wrote it, or it exists although it was to be created. Nothing was written. The message \
         says who wrote it and when. Plan again to see what is there now; a resource that exists already is \
         taken over with `terraform import`."
    POINTER_CONFLICT "MF0402" "conflicting write of a pointer or setting"
        "Which release a mesh runs is kept in a pointer, and keys of the API in settings; both are only \
         written by whoever has seen the last value. Somebody else wrote first. Try again: the second attempt \
         starts from what is there."
    FOREIGN "MF0403" "file that is not a store"
        "At the place where the store should be lies a file that meshform did not write. It is never \
         overwritten. Move it away, or name another directory as the store."
    DAMAGED "MF0404" "damaged store"
        "The store's file is truncated or inconsistent, or parts that belong together are not there together. \
         Nothing was written to it. Put a copy back (a copy from before each change of format lies in the \
         store's `backup` directory); or move the damaged file away and fill a new store from Terraform's \
         state with `meshform adopt`."
    NEWER "MF0405" "store of a newer version"
        "A newer version of meshform has changed the store's format. Older versions do not touch it. Use the \
         newer version everywhere where this store is used."
    NETWORK "MF0406" "embedded store on a network file system"
        "The embedded store needs locks and shared memory that network file systems do not have reliably; \
         using it there damages it. Name a directory on a local disk, or share a bucket between machines \
         (`store = \"s3://bucket/prefix\"`)."
    PERMISSION "MF0407" "missing permission for the store"
        "The system refused access to the store's files. The embedded store needs to write its directory even \
         for reading, because readers and writers see each other through files in it."
    FULL "MF0408" "no space left"
        "The disk or the quota is full. What was being written was taken back whole; what had been \
         acknowledged before is kept. Make room and try again."
    BUSY "MF0409" "store busy for too long"
        "Other processes held the store for longer than a writer waits. Try again; if nobody else is writing, \
         look for a process that hangs."
    IO "MF0410" "store input/output error"
        "The system reported an error while the store's files were read or written. What was being written \
         was taken back whole."
    REPLACED "MF0411" "store replaced while open"
        "The store's file was moved, deleted or replaced by another while this process had it open. Nothing \
         more is written, because nobody would see it. Begin again."
    CLOSED "MF0412" "store closed"
        "The store was shut down while something was still to be done. What had not been acknowledged was not \
         done."
    OTHER "MF0413" "another store than before"
        "Terraform's state remembers which store its resources were written to. What is found at the \
         configured place is another store, or none. Taking it for the truth would mean that every resource \
         was deleted. Name the right store; or, where the store was lost, fill a new one from the state with \
         `meshform adopt`."
    SEED "MF0414" "invalid partition, region or account"
        "A store is created with a partition, a region and an account, which its ARNs carry. An account has \
         twelve digits; partition and region are words of lower-case letters, digits and `-`."
    LOCATION "MF0415" "invalid store location"
        "A store is a directory, which then holds the embedded store, or a bucket: `s3://bucket/prefix`, \
         `gs://bucket/prefix`, `az://container/prefix` (also \
         `abfss://container@account.dfs.core.windows.net/prefix`), or `file:///directory` for a directory \
         that is treated as a bucket, or a cluster of etcd: `etcd://host,host/prefix`, by TLS `etcds://…`. The provider's `store` and the command's `--store` take the same."
    NO_BUCKET "MF0416" "missing bucket"
        "A store lives in a bucket that is there already; meshform makes objects, never buckets. Make it, or \
         correct the name. With a server of one's own, look at the endpoint too: the server that answered may \
         be another."
    UNREACHABLE "MF0417" "unreachable object storage"
        "No connection, no answer in time, or an answer that broke off, also after several tries with pauses \
         between them. Nothing that was acknowledged before is lost, and what was written before is in \
         Terraform's state. Check network, proxy and endpoint, and apply again."
    THROTTLED "MF0418" "throttled object storage requests"
        "The service answered that there are too many requests, also after several tries with growing pauses \
         between them. What was written before is in Terraform's state. Wait and apply again; `-parallelism` \
         makes Terraform ask for less at once."
    CREDENTIALS "MF0419" "missing or refused credentials for object storage"
        "Credentials for S3 come from the first of these that the environment names: keys \
         (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, for temporary ones, `AWS_SESSION_TOKEN`); a web \
         identity (`AWS_WEB_IDENTITY_TOKEN_FILE` with `AWS_ROLE_ARN`); the container \
         (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` of ECS, `AWS_CONTAINER_CREDENTIALS_FULL_URI` of EKS Pod \
         Identity and others); and without any of these from the machine's metadata service. The first is \
         taken even where it fails; the message says where it was asked and what was answered. Google's come \
         from `GOOGLE_APPLICATION_CREDENTIALS` and its kin, Azure's from `AZURE_STORAGE_ACCOUNT_KEY` and its \
         kin. There are none, or the service does not know them, or they have expired. Profiles and single \
         sign-on are not read: `aws configure export-credentials --format env` turns them into variables."
    CLOCK "MF0420" "clock skew"
        "Requests are signed with the time, and the service refuses those that are minutes off. Set this \
         machine's clock."
    REGION "MF0421" "bucket in another region"
        "The service answered that the bucket has to be asked for in another region. Name it in the provider \
         block's `s3` block, or as `AWS_REGION` in the environment."
    UNCONDITIONAL "MF0422" "object storage without conditional writes"
        "Several writers stay out of each other's way because an object is created only where none is \
         (`If-None-Match: *`). Before a store is made this is tried with an object of its own, and this \
         server wrote over it, or does not know the condition. A store there would lose writes, so none is \
         made. Amazon S3, Google Cloud Storage, Azure, Cloudflare R2, MinIO and Ceph know it; some gateways \
         do not, or did not in older versions."
    ETCD "MF0470" "unreachable etcd cluster"
        "The members of the cluster were asked one after the other for some seconds, and none did what it was asked: \
         there is no connection, most members are gone so that there is no leader, or the message says what etcd \
         said. What was acknowledged before is kept. Of a write that was under way it is not known whether it was \
         done; plan again to see. Reading and writing go on by themselves when most members are back."
    ETCD_CREDENTIALS "MF0471" "missing or refused user of etcd"
        "The cluster knows users, and none was named, or only a part of what it needs, or it does not know the user or the \
         password. They come from \
         `MESHFORM_ETCD_USER` and `MESHFORM_ETCD_PASSWORD` (or a file named by `MESHFORM_ETCD_PASSWORD_FILE`), or the \
         user is the name in a client certificate: `MESHFORM_ETCD_CERT_FILE` and `MESHFORM_ETCD_KEY_FILE`."
    ETCD_DENIED "MF0472" "no permission for the store's keys in etcd"
        "The user is known, and its roles do not let it do this with keys under the store's prefix. It needs to read and \
         write all of them: `etcdctl role grant-permission ROLE readwrite PREFIX/ --prefix=true`; who only reads needs \
         `read`."
    ETCD_FULL "MF0473" "quota of etcd exceeded"
        "The database has reached its quota (2 GiB unless `--quota-backend-bytes` says another), and etcd only answers \
         reads until somebody makes room. Nothing was written. Compact and defragment every member, then clear the \
         alarm: `etcdctl compact REVISION`, `etcdctl defrag`, `etcdctl alarm disarm`. Clusters are usually run with \
         `--auto-compaction-retention=1h`, so that old revisions go by themselves."
    ETCD_TOO_LARGE "MF0474" "request too large for etcd"
        "etcd takes 1.5 MiB in one request unless `--max-request-bytes` says another, and a record is one request. \
         Nothing was written."
    ETCD_TLS "MF0475" "TLS connection to etcd refused"
        "The certificate of the member is not of an authority that is known here, or does not have its name; or the \
         member does not accept ours; or one side speaks TLS and the other does not. The message says which. \
         `etcds://` speaks TLS, `etcd://` does not; `MESHFORM_ETCD_CA_FILE` names the authority."
    RUN_LOST "MF0476" "run taken for dead"
        "A process that writes shows every few seconds that it lives. This one did not for longer than a store in etcd \
         waits (15 s): it was stopped, the machine slept, or the network was away. Others may have taken over what it \
         had begun, so it writes nothing more. Begin again."
}
