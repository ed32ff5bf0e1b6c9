"""All that runs beside the web: workers, operators' commands, and the platform they stand on.

`bus/` is the relay and what hears NATS; `operations/` are the operators' commands; `contacts/`,
`demo/`, `proof/` and `schedules/` are programs that fill the product or test it; `servers/` starts
and watches processes. At the top: settings, tokens, telemetry, and what several rooms use.
"""
