//! Programs that ordinary hosts run, with the values their events carry in real archives.

/// A program as its version resource describes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) image: &'static str,
    /// `{n}` stands for a number that differs from start to start.
    pub(crate) command_line: &'static str,
    pub(crate) description: &'static str,
    pub(crate) product: &'static str,
    pub(crate) company: &'static str,
    pub(crate) original_file_name: &'static str,
}

const WINDOWS: &str = "Microsoft® Windows® Operating System";
const OFFICE: &str = "Microsoft Office";
const MICROSOFT: &str = "Microsoft Corporation";

const fn windows(
    image: &'static str,
    command_line: &'static str,
    description: &'static str,
    original_file_name: &'static str,
) -> Program {
    Program {
        image,
        command_line,
        description,
        product: WINDOWS,
        company: MICROSOFT,
        original_file_name,
    }
}

const fn office(
    image: &'static str,
    command_line: &'static str,
    description: &'static str,
    original_file_name: &'static str,
) -> Program {
    Program {
        image,
        command_line,
        description,
        product: OFFICE,
        company: MICROSOFT,
        original_file_name,
    }
}

/// Runs from boot to shutdown; the position in this list is its place in [`Host`](crate::host::Host).
pub(crate) const RESIDENT: &[Program] = &[
    windows("System", "", "-", "-"),
    windows(
        "C:\\Windows\\System32\\services.exe",
        "C:\\Windows\\system32\\services.exe",
        "Services and Controller app",
        "services.exe",
    ),
    windows(
        "C:\\Windows\\System32\\lsass.exe",
        "C:\\Windows\\system32\\lsass.exe",
        "Local Security Authority Process",
        "lsass.exe",
    ),
    windows(
        "C:\\Windows\\System32\\svchost.exe",
        "C:\\Windows\\system32\\svchost.exe -k netsvcs -p",
        "Host Process for Windows Services",
        "svchost.exe",
    ),
    windows(
        "C:\\Windows\\System32\\svchost.exe",
        "C:\\Windows\\system32\\svchost.exe -k LocalServiceNetworkRestricted -p",
        "Host Process for Windows Services",
        "svchost.exe",
    ),
    windows(
        "C:\\Program Files\\Windows Defender\\MsMpEng.exe",
        "\"C:\\Program Files\\Windows Defender\\MsMpEng.exe\"",
        "Antimalware Service Executable",
        "MsMpEng.exe",
    ),
    windows(
        "C:\\Windows\\explorer.exe",
        "C:\\Windows\\Explorer.EXE",
        "Windows Explorer",
        "EXPLORER.EXE",
    ),
];

/// Places in [`RESIDENT`].
pub(crate) const SERVICES: usize = 1;
pub(crate) const LSASS: usize = 2;
pub(crate) const SVCHOST: usize = 3;
pub(crate) const EXPLORER: usize = 6;

pub(crate) const CHROME: Program = Program {
    image: "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
    command_line: "\"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe\" --type=renderer --field-trial-handle={n} --lang=en-US",
    description: "Google Chrome",
    product: "Google Chrome",
    company: "Google LLC",
    original_file_name: "chrome.exe",
};

pub(crate) const WORD: Program = office(
    "C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE",
    "\"C:\\Program Files\\Microsoft Office\\Root\\Office16\\WINWORD.EXE\" /n \"C:\\Users\\Public\\Documents\\report-{n}.docx\" /o \"\"",
    "Microsoft Word",
    "WinWord.exe",
);

pub(crate) const POWERSHELL: Program = windows(
    "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
    "powershell.exe -NoProfile -ExecutionPolicy AllSigned -File C:\\Windows\\Scripts\\inventory.ps1 -Run {n}",
    "Windows PowerShell",
    "PowerShell.EXE",
);

/// Started by the user's shell.
pub(crate) const STARTED_BY_USER: &[Program] = &[
    CHROME,
    WORD,
    office(
        "C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE",
        "\"C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE\" /select {n}",
        "Microsoft Outlook",
        "Outlook.exe",
    ),
    office(
        "C:\\Program Files\\Microsoft Office\\root\\Office16\\EXCEL.EXE",
        "\"C:\\Program Files\\Microsoft Office\\Root\\Office16\\EXCEL.EXE\" \"C:\\Users\\Public\\Documents\\budget-{n}.xlsx\"",
        "Microsoft Excel",
        "Excel.exe",
    ),
    windows(
        "C:\\Windows\\System32\\notepad.exe",
        "\"C:\\Windows\\system32\\NOTEPAD.EXE\" C:\\Users\\Public\\Documents\\notes-{n}.txt",
        "Notepad",
        "NOTEPAD.EXE",
    ),
    windows(
        "C:\\Windows\\System32\\cmd.exe",
        "\"C:\\Windows\\system32\\cmd.exe\" /c ping -n 1 10.0.0.{n}",
        "Windows Command Processor",
        "Cmd.Exe",
    ),
];

/// Started by a service host.
pub(crate) const STARTED_BY_SERVICE: &[Program] = &[
    windows(
        "C:\\Windows\\System32\\backgroundTaskHost.exe",
        "\"C:\\Windows\\system32\\backgroundTaskHost.exe\" -ServerName:App.AppX{n}.mca",
        "Background Task Host",
        "backgroundTaskHost.exe",
    ),
    windows(
        "C:\\Windows\\System32\\wbem\\WmiPrvSE.exe",
        "C:\\Windows\\system32\\wbem\\wmiprvse.exe -secured -Embedding",
        "WMI Provider Host",
        "Wmiprvse.exe",
    ),
    windows(
        "C:\\Windows\\System32\\taskhostw.exe",
        "taskhostw.exe -RegisterDevice -ProtectionStateChanged -FreeNetworkOnly {n}",
        "Host Process for Windows Tasks",
        "taskhostw.exe",
    ),
    windows(
        "C:\\Windows\\System32\\RuntimeBroker.exe",
        "C:\\Windows\\System32\\RuntimeBroker.exe -Embedding",
        "Runtime Broker",
        "RuntimeBroker.exe",
    ),
    POWERSHELL,
];

/// Libraries: name, description.
pub(crate) const LIBRARIES: &[(&str, &str)] = &[
    ("C:\\Windows\\System32\\ntdll.dll", "NT Layer DLL"),
    ("C:\\Windows\\System32\\kernel32.dll", "Windows NT BASE API Client DLL"),
    ("C:\\Windows\\System32\\KernelBase.dll", "Windows NT BASE API Client DLL"),
    ("C:\\Windows\\System32\\rpcrt4.dll", "Remote Procedure Call Runtime"),
    ("C:\\Windows\\System32\\sechost.dll", "Host for SCM/SDDL/LSA Lookup APIs"),
    ("C:\\Windows\\System32\\combase.dll", "Microsoft COM for Windows"),
    ("C:\\Windows\\System32\\ucrtbase.dll", "Microsoft® C Runtime Library"),
    ("C:\\Windows\\System32\\bcryptprimitives.dll", "Windows Cryptographic Primitives Library"),
    ("C:\\Windows\\System32\\user32.dll", "Multi-User Windows USER API Client DLL"),
    ("C:\\Windows\\System32\\gdi32.dll", "GDI Client DLL"),
    ("C:\\Windows\\System32\\FWPUCLNT.DLL", "FWP/IPsec User-Mode API"),
    ("C:\\Windows\\System32\\ws2_32.dll", "Windows Socket 2.0 32-Bit DLL"),
    ("C:\\Windows\\System32\\dnsapi.dll", "DNS Client API DLL"),
    ("C:\\Windows\\System32\\wbem\\fastprox.dll", "WMI Custom Marshaller"),
];

/// Registry keys that ordinary work touches.
pub(crate) const REGISTRY_KEYS: &[&str] = &[
    "HKLM\\System\\CurrentControlSet\\Services\\Tcpip\\Parameters",
    "HKLM\\System\\CurrentControlSet\\Services\\bam\\State\\UserSettings",
    "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache\\Tree",
    "HKLM\\SOFTWARE\\Microsoft\\SystemCertificates\\Root\\Certificates",
    "HKLM\\System\\CurrentControlSet\\Control\\Class\\{81C87465-DE07-4EFC-9D93-61E891D52FD2}",
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Advanced",
    "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\System",
    "HKLM\\System\\CurrentControlSet\\Services\\W32Time\\Config",
];

/// Names that ordinary work looks up, with an address.
pub(crate) const NAMES: &[(&str, &str)] = &[
    ("arc.msn.com", "52.179.129.229"),
    ("login.microsoftonline.com", "20.190.159.2"),
    ("outlook.office365.com", "52.97.201.226"),
    ("www.example.com", "93.184.215.14"),
    ("update.googleapis.com", "142.250.185.99"),
    ("settings-win.data.microsoft.com", "51.104.136.2"),
    ("fileserver.corp.example", "10.0.0.5"),
    ("dc01.corp.example", "10.0.0.2"),
];

/// Rights that ordinary programs ask for, by how often real archives show them.
pub(crate) const RIGHTS: &[(&str, u32)] = &[
    ("0x1400", 760),
    ("0x1000", 175),
    ("0x3000", 21),
    ("0x2000", 10),
    ("0x40", 9),
    ("0x100000", 3),
];

/// Modules of a call trace.
pub(crate) const TRACE_MODULES: &[&str] = &[
    "C:\\Windows\\SYSTEM32\\ntdll.dll",
    "C:\\Windows\\System32\\KERNELBASE.dll",
    "c:\\windows\\system32\\rpcss.dll",
    "C:\\Windows\\System32\\RPCRT4.dll",
    "c:\\windows\\system32\\sysmain.dll",
    "C:\\Windows\\System32\\combase.dll",
    "C:\\Windows\\System32\\sechost.dll",
    "C:\\Windows\\System32\\KERNEL32.DLL",
];
