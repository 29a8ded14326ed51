//! What the demo does, in its order.

use std::path::Path;
use std::time::{Duration, Instant};

use meshform_acceptance::load::{Load, Tally};

use super::Folders;
use super::HOST;
use super::forms::{self, Meshform};
use super::live::{self, DemoMark, Ports, RunningEnvoy};
use super::remote::{self, Cast};
use super::split::{self, Requests};
use super::steps::{Steps, seconds};
use super::terraform::{Applied, Terraform};
use crate::cargo;
use crate::checkout::Checkout;
use crate::children::Children;
use crate::command;
use crate::failure::{Failure, Result};
use crate::out;
use crate::tools::{self, Tool, Toolbox};
use crate::work::free_ports;

const BY_WEIGHT: Requests = Requests {
    title: "1,000 × GET /",
    path: "/",
    headers: &[],
    count: 1000,
};
const BY_HEADER: Requests = Requests {
    title: "100 × GET / with `x-version: 2`",
    path: "/",
    headers: &[("x-version", "2")],
    count: 100,
};
const BY_PATH: Requests = Requests {
    title: "100 × GET /v2/items",
    path: "/v2/items",
    headers: &[],
    count: 100,
};
/// Requests per second while the canary is removed, on so many connections: by weight, and by path.
const LOAD: [(&str, (u32, u32)); 2] = [("/", (150, 3)), ("/v2/items", (50, 1))];
/// How long the load runs before and after the apply.
const AROUND: Duration = Duration::from_millis(700);

struct DemoStory<'a> {
    root: &'a Path,
    steps: Steps,
    folders: &'a Folders,
    children: &'a Children,
    terraform: Terraform<'a>,
    meshform: Meshform<'a>,
    ports: Ports,
}

/// Tells it all. What was started runs on when `keep` is asked for.
pub(super) fn tell(checkout: &Checkout, children: &Children, folders: &Folders, keep: bool) -> Result<()> {
    let steps = Steps::new();
    out::line("The mesh `apps` on this machine: servicea calls serviceb, of which two versions run.");
    steps.chapter("Tools and programs");
    let toolbox = tools::ensure(checkout, &[Tool::Terraform, Tool::Envoy, Tool::Moto])?;
    steps.step("tools", || Ok(((), versions(&toolbox)?)))?;
    let names = ["terraform-provider-appmesh", "meshform", "meshform-agent"];
    out::line("  build                       the first time, this takes a few minutes");
    let built = cargo::build_binaries(checkout, &names, "dev")?;
    let [provider, meshform, agent] = names.map(|name| built.get(name));
    let (Some(provider), Some(meshform), Some(agent)) = (provider, meshform, agent) else {
        return Err(Failure::new("the programs were built and are not there"));
    };

    let started = Instant::now();
    let [serviceb, servicebv2, proxy, inbound, admin] = free_ports()?;
    let terraform = toolbox.path(Tool::Terraform);
    let example = checkout.root().join("examples/apps");
    let story = DemoStory {
        root: checkout.root(),
        steps,
        folders,
        children,
        terraform: Terraform::new(&terraform, &example, &folders.module, children)?,
        meshform: Meshform {
            program: meshform,
            children,
            dir: &folders.module,
            out: &folders.forms,
        },
        ports: Ports {
            serviceb,
            servicebv2,
            proxy,
            inbound,
            admin,
        },
    };
    story.mesh(provider)?;
    let mark = DemoMark::at(folders.running.clone());
    mark.set(story.ports, &terraform)?;
    let proxy = story.traffic(&mark, &toolbox.path(Tool::Envoy))?;
    story.weights(&proxy)?;
    story.canary(&proxy)?;
    story.forms()?;
    let [envoy, moto] = [Tool::Envoy, Tool::Moto].map(|tool| toolbox.path(tool));
    let cast = Cast {
        terraform: &terraform,
        envoy: &envoy,
        moto: &moto,
        agent,
        plugins: &story.terraform.plugins(),
        serviceb,
        servicebv2,
    };
    remote::play(&story.steps, &cast, children, &folders.remote, &folders.logs)?;
    story.places();
    if keep {
        story.keep(&proxy)?;
    } else {
        story.end(&mark)?;
    }
    out::line(&format!(
        "\nDone in {}, without the build.",
        seconds(started.elapsed())
    ));
    Ok(())
}

fn versions(toolbox: &Toolbox) -> Result<String> {
    let first_line = |tool: Tool| {
        let mut command = std::process::Command::new(toolbox.path(tool));
        command.arg("--version").env("CHECKPOINT_DISABLE", "1");
        let said = command::capture(&mut command)?;
        Ok(said
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default()
            .trim()
            .to_owned())
    };
    // `…/envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`
    let envoy = first_line(Tool::Envoy)?;
    let envoy = envoy.split('/').rev().nth(3).unwrap_or_default();
    Ok(format!("{}, Envoy {envoy}", first_line(Tool::Terraform)?))
}

impl DemoStory<'_> {
    /// From HCL to a store and published files.
    fn mesh(&self, provider: &Path) -> Result<()> {
        let Self { steps, terraform, .. } = self;
        steps.chapter("The mesh, by Terraform");
        terraform.settings(&self.ports.settings(&self.folders.published))?;
        terraform.weights(75, 25, true)?;
        steps.step("meshform install-provider", || {
            self.meshform.install_provider(provider, &terraform.plugins())?;
            Ok((
                (),
                "the provider, where Terraform looks before any registry".to_owned(),
            ))
        })?;
        steps.step("terraform init", || Ok(((), terraform.init()?)))?;
        self.apply()?;
        steps.step("terraform plan", || {
            terraform.empty_plan()?;
            Ok(((), "no changes".to_owned()))
        })
    }

    fn apply(&self) -> Result<()> {
        let Applied { warnings, .. } = self.steps.step("terraform apply", || {
            let applied = self.terraform.apply()?;
            let counts = applied.counts.clone();
            Ok((applied, counts))
        })?;
        for warning in warnings {
            self.steps.more(&format!("Terraform warned: {warning}"));
        }
        Ok(())
    }

    /// Starts two services and an Envoy before them, and sends requests.
    fn traffic(&self, mark: &DemoMark, envoy: &Path) -> Result<RunningEnvoy> {
        let Self { steps, ports, .. } = self;
        let logs = &self.folders.logs;
        steps.chapter("Requests through Envoy");
        steps.step("two services", || {
            let services = [("serviceb", ports.serviceb), ("servicebv2", ports.servicebv2)];
            for (name, port) in services {
                live::start_service(self.children, name, port, mark, logs)?;
            }
            let shown = services.map(|(name, port)| format!("{name} on 127.0.0.1:{port}"));
            Ok(((), shown.join(", ")))
        })?;
        let proxy = steps.step("servicea's Envoy", || {
            let directory = self.folders.published.join("apps/virtualNode/servicea");
            let proxy = RunningEnvoy::start(self.children, envoy, &directory, ports.admin, logs)?;
            let state = proxy.state()?;
            Ok((proxy, state))
        })?;
        self.requests(&[
            (BY_WEIGHT, &[("serviceb", 75), ("servicebv2", 25)]),
            (BY_HEADER, &[("servicebv2", 100)]),
            (BY_PATH, &[("servicebv2", 100)]),
        ])?;
        Ok(proxy)
    }

    /// Sends requests and shows who answered.
    fn requests(&self, kinds: &[(Requests, &[(&str, u32)])]) -> Result<()> {
        let table = self.steps.step("requests", || {
            let mut table = split::head();
            let mut sent = 0;
            for (requests, wanted) in kinds {
                let tally = split::send(live::local(self.ports.proxy), HOST, requests);
                sent += tally.sent();
                table.push_str(&split::compare(requests.title, &tally, wanted)?);
            }
            Ok((
                table,
                format!("{} to http://{HOST}, none failed", split::thousands(sent)),
            ))
        })?;
        self.steps.more(&table);
        Ok(())
    }

    /// Other weights, the same Envoy.
    fn weights(&self, proxy: &RunningEnvoy) -> Result<()> {
        self.steps.chapter("Other weights, the same Envoy");
        self.terraform.weights(20, 80, true)?;
        self.apply()?;
        self.followed(proxy)?;
        self.requests(&[
            (BY_WEIGHT, &[("serviceb", 20), ("servicebv2", 80)]),
            (BY_HEADER, &[("servicebv2", 100)]),
        ])
    }

    fn followed(&self, proxy: &RunningEnvoy) -> Result<()> {
        self.steps.step("the same Envoy", || {
            proxy.follow()?;
            Ok(((), proxy.state()?))
        })
    }

    /// The canary's node and every way to it go in one apply, while requests are sent.
    fn canary(&self, proxy: &RunningEnvoy) -> Result<()> {
        self.steps.chapter("The canary goes in one apply, under load");
        let address = live::local(self.ports.proxy);
        let loads =
            LOAD.map(|(path, (per_second, workers))| Load::start(address, HOST, path, per_second, workers));
        let rate: u32 = LOAD.iter().map(|(_, (per_second, _))| per_second).sum();
        let started = Instant::now();
        std::thread::sleep(AROUND);
        self.terraform.weights(100, 0, false)?;
        let applied = self.apply();
        let followed = applied.and_then(|()| self.followed(proxy));
        std::thread::sleep(AROUND);
        let took = started.elapsed();
        let mut tally = Tally::default();
        for load in loads {
            tally.add(load.stop());
        }
        followed?;
        self.steps.step("meanwhile", || {
            if tally.failures() > 0 {
                return Err(Failure::new(format!(
                    "{} of {} requests failed while the canary was removed:\n{}",
                    tally.failures(),
                    tally.sent(),
                    split::failures(&tally)
                )));
            }
            let sent = tally.sent();
            Ok((
                (),
                format!("{sent} requests in {}, {rate} a second: 0 failed", seconds(took)),
            ))
        })?;
        self.requests(&[(BY_WEIGHT, &[("serviceb", 100)]), (BY_PATH, &[("serviceb", 100)])])
    }

    /// The mesh in other forms.
    fn forms(&self) -> Result<()> {
        let Self { steps, meshform, .. } = self;
        steps.chapter("The same mesh in other forms, from the store");
        steps.step("Envoy", || {
            let files = meshform.compile("envoy", &["--mesh", "apps", "--node", "servicea"])?;
            Ok((
                (),
                format!("{} files for servicea's, static.json among them", files.len()),
            ))
        })?;
        steps.step("CloudFormation", || {
            let files = meshform.compile("cloudformation", &["--mesh", "apps"])?;
            let resources = files
                .iter()
                .map(|file| forms::resources(file))
                .sum::<Result<usize>>()?;
            Ok(((), format!("a template of {resources} AWS::AppMesh resources")))
        })?;
        steps.step("ECS", || {
            let files = meshform.compile("ecs", &["--mesh", "apps", "--node", "servicea"])?;
            let mut containers = Vec::new();
            for file in &files {
                containers.extend(forms::containers(file)?);
            }
            Ok((
                (),
                format!(
                    "a task definition with the containers {}",
                    containers.join(" and ")
                ),
            ))
        })
    }

    fn places(&self) {
        let Folders {
            module,
            published,
            forms,
            logs,
            ..
        } = self.folders;
        self.steps.chapter("Where everything lies");
        for (path, what) in [
            (module, "the root module, its state, and the store in .meshform/"),
            (
                published,
                "what Envoys read, a folder per proxy: gone with the mesh",
            ),
            (
                forms,
                "Envoy's files, the CloudFormation template, the ECS task definition",
            ),
            (logs, "what Envoy and the services said"),
        ] {
            let shown = path.strip_prefix(self.root).unwrap_or(path);
            out::line(&format!("  {:<27}  {what}", shown.display().to_string()));
        }
    }

    /// Destroys everything, and looks whether anything is left.
    fn end(&self, mark: &DemoMark) -> Result<()> {
        self.steps.chapter("The end");
        self.steps
            .step("terraform destroy", || Ok(((), self.terraform.destroy()?.counts)))?;
        self.steps.step("what is left", || {
            let resources = self.terraform.resources()?;
            let meshes = self.meshform.meshes()?;
            if resources + meshes > 0 {
                return Err(Failure::new(format!(
                    "the state still holds {resources} resources, the store {meshes} meshes"
                )));
            }
            Ok(((), "nothing in the state, nothing in the store".to_owned()))
        })?;
        self.steps.step("services and Envoy", || {
            self.children.end();
            mark.end()?;
            Ok(((), "ended".to_owned()))
        })
    }

    /// Brings the canary back and leaves everything running.
    fn keep(&self, proxy: &RunningEnvoy) -> Result<()> {
        self.steps.chapter("The canary again, to play with");
        self.terraform.weights(75, 25, true)?;
        self.apply()?;
        self.followed(proxy)?;
        let Ports {
            serviceb,
            servicebv2,
            proxy,
            admin,
            ..
        } = self.ports;
        self.steps.chapter("It runs on");
        let lines = [
            "  serviceb, through servicea's Envoy:".to_owned(),
            format!("    curl -H 'Host: {HOST}' http://127.0.0.1:{proxy}/"),
            format!("    curl -H 'Host: {HOST}' http://127.0.0.1:{proxy}/v2/items"),
            format!("    http_proxy=http://127.0.0.1:{proxy} curl http://{HOST}/"),
            format!("  Envoy's admin endpoint: http://127.0.0.1:{admin}/"),
            format!("  the two versions: http://127.0.0.1:{serviceb}/ and http://127.0.0.1:{servicebv2}/"),
            format!(
                "  other weights: change {}/weights.auto.tfvars, then",
                self.folders.module.display()
            ),
            format!("    {}", self.terraform.typed("apply")),
            "  to end it all: cargo xtask demo --stop".to_owned(),
        ];
        out::line(&lines.join("\n"));
        Ok(())
    }
}
