"""High reliability: a reviewer that reads what runs, or what is going to, and names what a single fault would take down.

reliability.review("my-namespace")              what runs there, and where
reliability.review("manifests/03-…/bad.yaml")   manifests that have not been applied

rules      what is looked for, each a function of one workload; pure
workloads  Deployments, StatefulSets and bare Pods, as rules want them; pure
review     gathers the objects, and puts the findings in order
"""

from acplab.topics.reliability.reviewer import Review, review
from acplab.topics.reliability.rules import Finding

__all__ = ["Finding", "Review", "review"]
