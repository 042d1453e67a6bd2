# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Completion of mirakuru(1) for fish.

function __mirakuru_command
    set -l words (commandline -opc)
    set -q words[2]; and test "$words[2]" = $argv[1]
end

function __mirakuru_needs_command
    test (count (commandline -opc)) -eq 1
end

complete -c mirakuru -n __mirakuru_needs_command -f -a run -d 'Start services, run a command while they are up, stop them'
complete -c mirakuru -n __mirakuru_needs_command -f -a wait -d 'Wait for a service that something else starts or stops'
complete -c mirakuru -n __mirakuru_needs_command -f -a templates -d 'List the services that can be started by name'
complete -c mirakuru -n '__mirakuru_command templates' -f -a '(mirakuru templates 2> /dev/null | string split -f 1 " ")'

for command in run wait
    complete -c mirakuru -n "__mirakuru_command $command" -x -l tcp -d 'Ready when this port accepts connections'
    complete -c mirakuru -n "__mirakuru_command $command" -x -l http -d 'Ready when this URL answers'
    complete -c mirakuru -n "__mirakuru_command $command" -r -F -l http-unix -d '… on this Unix socket'
    complete -c mirakuru -n "__mirakuru_command $command" -r -F -l unix -d 'Ready when this Unix socket accepts connections'
    complete -c mirakuru -n "__mirakuru_command $command" -r -F -l file -d 'Ready when this file exists'
    complete -c mirakuru -n "__mirakuru_command $command" -x -l exec -a '(__fish_complete_command)' -d 'Ready when this command succeeds'
    complete -c mirakuru -n "__mirakuru_command $command" -x -l status -d '… with this status'
    complete -c mirakuru -n "__mirakuru_command $command" -x -l body -d '… with a body that matches this regular expression'
    complete -c mirakuru -n "__mirakuru_command $command" -x -l method -a 'HEAD GET POST PUT OPTIONS' -d '… to a request of this method'
    complete -c mirakuru -n "__mirakuru_command $command" -x -l header -d '… with this header in the request'
    complete -c mirakuru -n "__mirakuru_command $command" -f -l follow -d '… after following redirects'
    complete -c mirakuru -n "__mirakuru_command $command" -r -F -l cacert -d '… with a certificate that an authority in this file has signed'
    complete -c mirakuru -n "__mirakuru_command $command" -r -F -l cert -d '… to a client with this certificate and key'
    complete -c mirakuru -n "__mirakuru_command $command" -f -l insecure -d '… whatever its certificate is'
    complete -c mirakuru -n "__mirakuru_command $command" -x -l dbus -d 'Ready when this name has an owner on a bus'
    complete -c mirakuru -n "__mirakuru_command $command" -f -l any -d 'One of the conditions is enough'
    complete -c mirakuru -n "__mirakuru_command $command" -x -l interval -d 'Time between two attempts'
    complete -c mirakuru -n "__mirakuru_command $command" -x -l attempt-timeout -d 'Time for one attempt'
    complete -c mirakuru -n "__mirakuru_command $command" -x -l stable-for -d 'Time for which it must stay met'
    complete -c mirakuru -n "__mirakuru_command $command" -f -l listening-only -d 'Look for the port without a connection'
    complete -c mirakuru -n "__mirakuru_command $command" -x -s t -l timeout -d 'Time to be ready'
    complete -c mirakuru -n "__mirakuru_command $command" -f -s q -l quiet -d 'Print errors only'
end

complete -c mirakuru -n '__mirakuru_command wait' -f -l gone -d 'Wait until none of the conditions is met any more'
complete -c mirakuru -n '__mirakuru_command run' -x -s s -l service -a '(__fish_complete_command)' -d 'Start this service'
complete -c mirakuru -n '__mirakuru_command run' -x -l template -a '(mirakuru templates 2> /dev/null | string split -f 1 " ")' -d 'Start the service of a template'
complete -c mirakuru -n '__mirakuru_command run' -x -l set -d 'Value or setting of a service'
complete -c mirakuru -n '__mirakuru_command run' -x -l output -d 'Ready when its output matches this regular expression'
complete -c mirakuru -n '__mirakuru_command run' -x -l name -d 'Name of the service in messages'
complete -c mirakuru -n '__mirakuru_command run' -x -l cwd -a '(__fish_complete_directories)' -d 'Directory the service is started in'
complete -c mirakuru -n '__mirakuru_command run' -x -l launcher -a '(__fish_complete_command)' -d 'Run the service through this command'
complete -c mirakuru -n '__mirakuru_command run' -x -l forward -d 'Forward this port to where the launcher runs the service'
complete -c mirakuru -n '__mirakuru_command run' -x -l env -d 'Variable for the environment of the service'
complete -c mirakuru -n '__mirakuru_command run' -x -l unset -d 'Variable that the service does not get'
complete -c mirakuru -n '__mirakuru_command run' -r -F -l stdin -d 'Input of the service'
complete -c mirakuru -n '__mirakuru_command run' -f -l notify -d 'Ready when it notifies'
complete -c mirakuru -n '__mirakuru_command run' -f -l pty -d 'Let the service print to a terminal'
complete -c mirakuru -n '__mirakuru_command run' -x -l stop-mode -a 'leader tree' -d 'What gets the stop signal'
complete -c mirakuru -n '__mirakuru_command run' -x -l stop-signal -a 'HUP INT QUIT TERM USR1 USR2' -d 'Signal that asks the service to end'
complete -c mirakuru -n '__mirakuru_command run' -x -l expected-status -d 'Exit status that is not a failure'
complete -c mirakuru -n '__mirakuru_command run' -f -l reuse -d 'Use a service that runs already'
complete -c mirakuru -n '__mirakuru_command run' -x -l requires -d 'Another service that has to be ready before'
complete -c mirakuru -n '__mirakuru_command run' -f -l completes -d 'Ready when it has ended successfully'
complete -c mirakuru -n '__mirakuru_command run' -f -l isolate -d 'Their own home for services and command'
complete -c mirakuru -n '__mirakuru_command run' -r -F -l report -d 'Write a report to this file'
complete -c mirakuru -n '__mirakuru_command run' -r -F -l timeline -d 'Draw a timeline in this file'
complete -c mirakuru -n '__mirakuru_command run' -x -l log-dir -a '(__fish_complete_directories)' -d 'Directory for the output of each service'
complete -c mirakuru -n '__mirakuru_command run' -f -l stop-when-dead -d 'End the command when a service ends'
complete -c mirakuru -n '__mirakuru_command run' -x -l stop-timeout -d 'Time for a service to end'
complete -c mirakuru -n '__mirakuru_command run' -f -s v -l verbose -d 'Show what the services print'
complete -c mirakuru -f -l version -d 'Print the version'
complete -c mirakuru -f -s h -l help -d 'Show help'
